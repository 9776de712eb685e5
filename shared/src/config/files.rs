//! Secrets that a vault writes into files: `NAME_FILE` names the file whose content is `NAME`.

use std::{collections::HashMap, fs};

use super::ConfigError;

/// What may be given so. Other programs have variables of such names, too.
const SECRETS: [&str; 17] = [
    "DATABASE_URL",
    "DATABASE_SYSTEM_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "KONSTRUCT_MASTER_KEYS",
    "AUDIT_CHECKPOINT_KEY",
    "SLACK_CLIENT_SECRET",
    "SLACK_SIGNING_SECRET",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_VERIFY_TOKEN",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "OIDC_CLIENT_SECRET",
    "LLM_API_KEY",
    "TRANSCRIPTION_API_KEY",
    "SMTP_URL",
    "AWS_SECRET_ACCESS_KEY",
];

/// Puts the content of such files in place. Read once, at start, like everything else.
pub(super) fn read(variables: &mut HashMap<String, String>) -> Result<(), ConfigError> {
    let is_given = |variables: &HashMap<String, String>, name: &str| {
        variables.get(name).is_some_and(|value| !value.trim().is_empty())
    };
    for name in SECRETS {
        let variable = format!("{name}_FILE");
        if !is_given(variables, &variable) {
            continue;
        }
        if is_given(variables, name) {
            return Err(ConfigError(format!("{name} and {variable} are both set: unset one of them.")));
        }
        let path = variables[&variable].trim();
        let secret = fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{variable} names `{path}`, which can't be read: {error}.")))?;
        if secret.trim().is_empty() {
            return Err(ConfigError(format!("{variable} names `{path}`, which is empty.")));
        }
        variables.insert(name.to_owned(), secret.trim().to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_lie_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let path = file.to_str().unwrap().to_owned();
        let given = |pairs: &[(&str, &str)]| {
            let mut all = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            read(&mut all).map(|()| all)
        };
        let refusal = |pairs: &[(&str, &str)]| given(pairs).unwrap_err().to_string();
        let named = ("LLM_API_KEY_FILE", path.as_str());
        assert!(refusal(&[named]).contains("can't be read"));
        fs::write(&file, "\n").unwrap();
        assert!(refusal(&[named]).contains("is empty"), "an empty secret is a missing one");
        fs::write(&file, "sk-from-the-vault\n").unwrap();
        assert_eq!(given(&[named]).unwrap()["LLM_API_KEY"], "sk-from-the-vault");
        assert_eq!(given(&[named, ("LLM_API_KEY", " ")]).unwrap()["LLM_API_KEY"], "sk-from-the-vault");
        let both = refusal(&[named, ("LLM_API_KEY", "sk-other")]);
        assert!(both.contains("are both set") && !both.contains("sk-"), "{both}");
        // Not ours.
        assert_eq!(given(&[("SSL_CERT_FILE", "/nowhere")]).unwrap().len(), 1);
    }
}
