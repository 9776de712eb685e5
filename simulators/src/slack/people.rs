//! Workspaces, bots and people, all derived from ids: nothing has to be created before it is used.

use sha2::{Digest, Sha256};

const TOKEN_PREFIX: &str = "xoxb-simulated-";
const REVOKED_PREFIX: &str = "xoxb-revoked-";
const TEAM_SUFFIX_CHARS_MAX: usize = 20;

pub(crate) const KNOWN_PEOPLE: [(&str, &str); 6] = [
    ("UADA", "Ada Lovelace"),
    ("UGRACE", "Grace Hopper"),
    ("ULINUS", "Linus Torvalds"),
    ("UALAN", "Alan Turing"),
    ("UKATHERINE", "Katherine Johnson"),
    ("UDENNIS", "Dennis Ritchie"),
];
const FIRST_NAMES: [&str; 24] = [
    "Alma", "Boris", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Luis",
    "Mira", "Noah", "Olga", "Paul", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Walter", "Yara", "Zoe",
];
const LAST_NAMES: [&str; 24] = [
    "Adler", "Berger", "Costa", "Dorn", "Engel", "Fischer", "Garcia", "Haas", "Ivanov", "Jansen", "Keller",
    "Lopez", "Moreau", "Novak", "Ortega", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Urban", "Vogel", "Weiss",
    "Young",
];

/// Who is calling, as the token says.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) team: String,
}

impl Caller {
    pub(crate) fn from_token(token: Option<&str>) -> Result<Self, &'static str> {
        let token = token.filter(|token| !token.is_empty()).ok_or("not_authed")?;
        if token.starts_with(REVOKED_PREFIX) {
            return Err("token_revoked");
        }
        match token.strip_prefix(TOKEN_PREFIX) {
            Some(name) if !name.is_empty() => Ok(Self { team: team_of_name(name) }),
            _ => Err("invalid_auth"),
        }
    }
}

/// The workspace a simulated token belongs to: `xoxb-simulated-demo` → `TDEMO`.
pub fn team_of(token: &str) -> Option<String> {
    Caller::from_token(Some(token)).ok().map(|caller| caller.team)
}

/// Names of small letters and digits are only put in capitals; others also get a hash, so that no two share a
/// workspace.
fn team_of_name(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if plain && name.len() <= TEAM_SUFFIX_CHARS_MAX {
        return format!("T{}", name.to_ascii_uppercase());
    }
    let letters = name.chars().filter(char::is_ascii_alphanumeric).take(TEAM_SUFFIX_CHARS_MAX).collect::<String>();
    let hash = hex::encode(&Sha256::digest(name)[..3]);
    format!("T{letters}{hash}").to_ascii_uppercase()
}

/// The token that names this workspace, if one does.
pub(crate) fn token_of(team: &str) -> Option<String> {
    let name = team.strip_prefix('T')?.to_ascii_lowercase();
    (!name.is_empty() && team_of_name(&name) == team).then(|| format!("{TOKEN_PREFIX}{name}"))
}

/// `TDEMO` is called Demo, and so is `EDEMO`.
pub(crate) fn workspace_name(team: &str) -> String {
    let word = team.strip_prefix(['T', 'E']).unwrap_or(team).to_ascii_lowercase();
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// A workspace or an organization.
pub(crate) fn is_place_id(id: &str) -> bool {
    id.len() > 1 && id.starts_with(['T', 'E']) && is_id(id)
}

pub(crate) fn bot_user_of(team: &str) -> String {
    format!("UBOT{}", team_suffix(team))
}

pub(crate) fn bot_id_of(team: &str) -> String {
    format!("BBOT{}", team_suffix(team))
}

fn team_suffix(team: &str) -> &str {
    team.strip_prefix('T').unwrap_or(team)
}

/// The bot's direct message channel with a person.
pub(crate) fn direct_channel_of(user: &str) -> String {
    format!("D{user}")
}

pub(crate) fn is_user_id(id: &str) -> bool {
    id.len() > 1 && id.starts_with(['U', 'W']) && is_id(id)
}

pub(crate) fn is_channel_id(id: &str) -> bool {
    id.len() > 1 && id.starts_with(['C', 'G', 'D']) && is_id(id)
}

fn is_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A fixed name for well-known ids, else one that stays the same for the same id.
pub(crate) fn name_of(user: &str) -> String {
    if let Some((_, name)) = KNOWN_PEOPLE.iter().find(|(id, _)| *id == user) {
        return (*name).to_owned();
    }
    if user.starts_with("UBOT") {
        return "Konstruct".to_owned();
    }
    let hash = Sha256::digest(user);
    let first = FIRST_NAMES[usize::from(hash[0]) % FIRST_NAMES.len()];
    let last = LAST_NAMES[usize::from(hash[1]) % LAST_NAMES.len()];
    format!("{first} {last}")
}

#[cfg(test)]
mod tests {
    use super::{name_of, team_of};

    #[test]
    fn tokens_name_their_workspace() {
        assert_eq!(team_of("xoxb-simulated-demo").as_deref(), Some("TDEMO"));
        assert_ne!(team_of("xoxb-simulated-a-b"), team_of("xoxb-simulated-ab"));
        assert_ne!(team_of("xoxb-simulated-Demo"), team_of("xoxb-simulated-demo"));
        assert_eq!(team_of("xoxb-revoked-demo"), None);
    }

    #[test]
    fn names_are_stable() {
        assert_eq!(name_of("UADA"), "Ada Lovelace");
        assert_eq!(name_of("U123"), name_of("U123"));
    }
}
