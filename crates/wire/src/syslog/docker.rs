//! Tags of Docker's `syslog` driver.

/// Digits of an id as the engine shows it, and of the whole one.
const SHORT: usize = 12;
const WHOLE: usize = 64;

/// Id and name of the container that a tag names, the name empty where it does not: `{{.ID}}`, as the driver has it
/// unless it is told otherwise, `{{.FullID}}`, and a name and one of them with a slash between.
pub(super) fn tag(tag: &str) -> Option<(&str, &str)> {
    let (name, id) = tag.rsplit_once('/').unwrap_or(("", tag));
    let is_id = matches!(id.len(), SHORT | WHOLE)
        && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        // Twelve digits may also be a word or a number, but hardly with both.
        && (id.len() == WHOLE || id.bytes().any(|b| b.is_ascii_digit()) && id.bytes().any(|b| b > b'9'));
    let is_name = !name.contains('/') || name.starts_with("docker/");
    (is_id && is_name).then(|| (id, name.strip_prefix("docker/").unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn tags_name_containers() {
        let whole = "5e".repeat(32);
        assert_eq!(tag("4edc25e56cda"), Some(("4edc25e56cda", "")));
        assert_eq!(tag(&whole), Some((&*whole, "")));
        assert_eq!(tag(&format!("web-1/{whole}")), Some((&*whole, "web-1")));
        assert_eq!(tag("docker/web/4edc25e56cda"), Some(("4edc25e56cda", "web")));
        for other in
            ["", "sshd", "postfix/smtpd", "202611221455", "deadbeefcafe", "a/b/4edc25e56cda", "4EDC25E56CDA"]
        {
            assert_eq!(tag(other), None, "{other}");
        }
    }
}
