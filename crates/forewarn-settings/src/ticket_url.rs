//! The address at which a ticket can be read, as the config gives it. It does not know tickets, and nobody here opens it:
//! it is a link that a reader of the report may follow.

/// What stands for the ticket's id.
const ID: &str = "{id}";
/// Longer addresses are no addresses of tickets.
const LONGEST: usize = 500;

/// What a template must be, in words.
pub(crate) const ALLOWED: &str =
    "an address like `https://desk.example.org/ticket/{id}`, with `{id}` once and behind the host";

/// What is said of an address that [`is_secret`]; it is not repeated, since what is said goes to logs.
pub(crate) const SECRET: &str = "a name, password or token in it; \
    the report would show it to every reader, who should log in by themselves";

/// Names of parameters that let somebody in.
const KEYS: [&str; 11] =
    ["password", "passwd", "pwd", "pass", "token", "secret", "apikey", "api_key", "key", "auth", "sessionid"];

/// Whether the text carries what should stay secret: a name before an `@` of its host, or a parameter like `token=`.
pub(crate) fn is_secret(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let parameters = rest.split(['?', '&', '#', ';']).skip(1).filter_map(|p| p.split_once('='));
    let mut names = parameters.map(|(name, _)| name.to_ascii_lowercase());
    host.contains('@')
        || names.any(|name| KEYS.iter().any(|key| name == *key || name.ends_with(&format!("_{key}"))))
}

/// Whether the text is a web address with one `{id}` behind its host. The id itself is percent-encoded when it is put in, so
/// that it stays in its place; here the rest must be nothing but an address.
pub(crate) fn is_valid(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let plain = text.replacen(ID, "", 1);
    text.len() <= LONGEST
        && text.matches(ID).count() == 1
        && !host.is_empty()
        // An id in the host, or a name before an `@`, would lead to another server.
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
        && plain.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_secret_is_told() {
        for secret in [
            "https://bot:pw@desk.example.org/{id}",
            "https://bot@desk.example.org/{id}",
            "https://desk.example.org/{id}?token=abc",
            "https://desk.example.org/?id={id}&X_API_KEY=abc",
            "https://desk.example.org/{id}#access_token=abc",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for plain in [
            "https://desk.example.org/{id}",
            "https://desk.example.org/a@b/{id}",
            "https://desk.example.org/nav_to.do?uri=incident.do&sysparm_keyword={id}",
        ] {
            assert!(!is_secret(plain), "{plain}");
        }
    }

    #[test]
    fn an_address_has_one_id_behind_its_host() {
        for good in [
            "https://desk.example.org/{id}",
            "http://10.0.0.5:8080/front/ticket.form.php?id={id}",
            "https://[::1]/nav_to.do?uri=incident.do%3Fnumber={id}#top",
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "desk.example.org/{id}",
            "javascript:alert('{id}')",
            "file:///etc/{id}",
            "https://{id}.example.org/",
            "https://desk.example.org/",
            "https://desk.example.org/{id}/{id}",
            "https://desk.example.org/{ID}",
            "https://admin@desk.example.org/{id}",
            "https:///{id}",
            "https://desk.example.org/{id}\" onclick=\"x",
            "https://desk.example.org/{id} x",
            "https://desk.example.org/ü/{id}",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(!is_valid(&format!("https://desk.example.org/{}{ID}", "x".repeat(LONGEST))));
    }
}
