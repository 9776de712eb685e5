//! Bindings: which agent answers on a connection, in a channel, or to a keyword.
//!
//! The narrower one wins: channel and keyword, then channel, keyword, connection, and at last the tenant's default agent.
//! Among keywords that all occur, one of this connection comes before one of every connection, then the longest, then the
//! alphabet decides. A thread stays with the agent that answered in it.

use sqlx::Row;

use super::{DbError, TenantTx};
use crate::ids::{AgentId, BindingId, ConnectionId};

/// Bindings a tenant may have; a turn reads those that could apply.
pub const BINDINGS_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub connection: Option<ConnectionId>,
    pub channel: Option<String>,
    /// In lower case.
    pub keyword: Option<String>,
    pub agent: AgentId,
}

/// Why an agent answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    Thread,
    ChannelAndKeyword,
    Channel,
    Keyword,
    Connection,
    Default,
}

impl Because {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::ChannelAndKeyword => "channel_and_keyword",
            Self::Channel => "channel",
            Self::Keyword => "keyword",
            Self::Connection => "connection",
            Self::Default => "default",
        }
    }
}

/// Where something is asked, and what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub connection: ConnectionId,
    pub channel: &'a str,
    pub text: &'a str,
    /// Who has answered in this thread.
    pub thread_agent: Option<AgentId>,
}

/// Who answers, and why; `None`: the tenant's default agent.
pub fn choose(bindings: &[Binding], asked: &Asked<'_>) -> Option<(AgentId, Because)> {
    if let Some(agent) = asked.thread_agent {
        return Some((agent, Because::Thread));
    }
    let words = words(asked.text);
    let fits = |binding: &&Binding| {
        binding.connection.is_none_or(|connection| connection == asked.connection)
            && binding.channel.as_ref().is_none_or(|channel| channel == asked.channel)
            && binding.keyword.as_ref().is_none_or(|keyword| occurs(keyword, &words))
    };
    // The smallest is the narrowest.
    let order = |binding: &&Binding| {
        let keyword = binding.keyword.clone().unwrap_or_default();
        let length = keyword.chars().count();
        (because(binding), binding.connection.is_none(), std::cmp::Reverse(length), keyword)
    };
    bindings.iter().filter(fits).min_by_key(order).map(|binding| (binding.agent, because(binding)))
}

fn because(binding: &Binding) -> Because {
    match (&binding.channel, &binding.keyword) {
        (Some(_), Some(_)) => Because::ChannelAndKeyword,
        (Some(_), None) => Because::Channel,
        (None, Some(_)) => Because::Keyword,
        (None, None) => Because::Connection,
    }
}

/// The text's words in lower case, with a space around each.
fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |text, word| text + word + " ")
}

/// A keyword occurs as whole words, whatever stands between them.
fn occurs(keyword: &str, text: &str) -> bool {
    let keyword = words(keyword);
    keyword.len() > 1 && text.contains(&keyword)
}

/// Whether any question can hold the keyword.
pub fn is_keyword(keyword: &str) -> bool {
    words(keyword).len() > 1
}

/// The tenant's bindings, in a fixed order.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Binding>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select connection_id, channel_external_id, keyword, agent_id from bindings where tenant_id = $1
          order by connection_id nulls last, channel_external_id nulls last, keyword nulls last limit 200",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Binding {
                connection: row.try_get("connection_id")?,
                channel: row.try_get("channel_external_id")?,
                keyword: row.try_get("keyword")?,
                agent: row.try_get("agent_id")?,
            })
        })
        .collect()
}

/// Replaces all bindings of the tenant.
pub async fn replace(tx: &mut TenantTx, bindings: &[Binding]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("delete from bindings where tenant_id = $1").bind(tenant).execute(tx.conn()).await?;
    sqlx::query(
        "insert into bindings (tenant_id, binding_id, connection_id, channel_external_id, keyword, agent_id)
         select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[])",
    )
    .bind(tenant)
    .bind(bindings.iter().map(|_| BindingId::new()).collect::<Vec<_>>())
    .bind(bindings.iter().map(|binding| binding.connection).collect::<Vec<_>>())
    .bind(bindings.iter().map(|binding| binding.channel.as_deref()).collect::<Vec<_>>())
    .bind(bindings.iter().map(|binding| binding.keyword.as_deref()).collect::<Vec<_>>())
    .bind(bindings.iter().map(|binding| binding.agent).collect::<Vec<_>>())
    .execute(tx.conn())
    .await
    .map_err(|error| {
        DbError::from(error)
            .on_constraint(
                "bindings_tenant_id_connection_id_channel_external_id_keywor_key",
                "Two bindings name the same connection, channel and keyword; keep one of them.",
            )
            .on_constraint("bindings_tenant_id_agent_id_fkey", "A binding names an agent that is not there.")
            .on_constraint(
                "bindings_tenant_id_connection_id_fkey",
                "A binding names a connection that is not there.",
            )
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(connection: Option<ConnectionId>, channel: Option<&str>, keyword: Option<&str>) -> Binding {
        let (channel, keyword) = (channel.map(str::to_owned), keyword.map(str::to_owned));
        Binding { connection, channel, keyword, agent: AgentId::new() }
    }

    #[test]
    fn the_narrower_binding_wins_whatever_their_order() {
        let (here, there) = (ConnectionId::new(), ConnectionId::new());
        let narrowing = [
            binding(Some(here), None, None),
            binding(None, None, Some("refund")),
            binding(None, None, Some("partial refund")),
            binding(Some(here), None, Some("refund")),
            binding(Some(here), Some("C1"), None),
            binding(Some(here), Some("C1"), Some("refund")),
        ];
        let others = [
            binding(Some(there), Some("C1"), Some("refund")),
            binding(Some(here), Some("C2"), None),
            binding(Some(here), Some("C1"), Some("invoice")),
        ];
        let asked =
            Asked { connection: here, channel: "C1", text: "A partial REFUND, please!", thread_agent: None };
        for count in 1..=narrowing.len() {
            let mut bindings: Vec<Binding> = narrowing[..count].iter().chain(&others).cloned().collect();
            let expected = narrowing[count - 1].agent;
            for _ in 0..bindings.len() {
                bindings.rotate_left(1);
                assert_eq!(choose(&bindings, &asked).map(|(agent, _)| agent), Some(expected), "{count}");
            }
        }
        assert_eq!(choose(&others, &asked), None, "the default agent");
    }

    #[test]
    fn a_thread_stays_with_its_agent() {
        let connection = ConnectionId::new();
        let (bound, before) = (binding(Some(connection), None, None), AgentId::new());
        let asked = Asked { connection, channel: "C1", text: "", thread_agent: Some(before) };
        assert_eq!(choose(&[bound], &asked), Some((before, Because::Thread)));
    }

    #[test]
    fn keywords_are_whole_words() {
        let text = words("Re-funding the GROSSE Straße: «refund»?");
        for (keyword, found) in
            [("refund", true), ("fund", false), ("straße", true), ("?", false), ("re funding", true)]
        {
            assert_eq!(occurs(keyword, &text), found, "{keyword}");
        }
        assert!(is_keyword("a") && !is_keyword("…"));
    }
}
