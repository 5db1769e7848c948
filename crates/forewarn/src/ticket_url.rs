//! The address at which a ticket can be read, as the config gives it. It does not know tickets, and nobody here opens it:
//! it is a link that a reader of the report may follow.

/// What stands for the ticket's id.
const ID: &str = "{id}";
/// Longer addresses are no addresses of tickets.
const LONGEST: usize = 500;

/// What a template must be, in words.
pub(crate) const ALLOWED: &str =
    "an address like `https://desk.example.org/ticket/{id}`, with `{id}` once and behind the host";

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
