//! The texts whose presence makes a suspect.
//!
//! At most 64, none shorter than three bytes, and spelled in each case that is met, so that the search runs over 16 or 32
//! bytes at once; more patterns, or folding case, would put an automaton in its place, which is several times slower.

/// Which verifier looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `AKIA...`
    Aws,
    /// `AIza...`, `ya29....`, `GOCSPX-...`
    Gcp,
    /// `ghp_...`, `github_pat_...`
    Github,
    /// `xoxb-...`, `xapp-...`
    Slack,
    /// The address of an incoming webhook.
    SlackHook,
    /// Other services: at least so many characters follow.
    Service(usize),
    /// `SG.<id>.<key>`
    Sendgrid,
    /// `eyJ...`
    Jwt,
    /// `-----BEGIN ... PRIVATE KEY-----`
    Pem,
    /// `://user:password@`
    Url,
    /// `Bearer ...`
    Bearer,
    /// A part of a name such as `password`.
    Key,
    /// A whole word that is such a name.
    Word,
    /// A word before a resident registration number.
    Resident,
}

use Anchor::{
    Aws, Bearer, Gcp, Github, Jwt, Key, Pem, Resident, Sendgrid, Service, Slack, SlackHook, Url, Word,
};

pub(super) const ALL: [(&str, Anchor); 64] = [
    ("AKIA", Aws),
    ("ASIA", Aws),
    ("AIza", Gcp),
    ("ya29.", Gcp),
    ("GOCSPX-", Gcp),
    ("ghp_", Github),
    ("gho_", Github),
    ("ghu_", Github),
    ("ghs_", Github),
    ("ghr_", Github),
    ("github_pat_", Github),
    ("xox", Slack),
    ("xapp-", Slack),
    ("ooks.slack.com/", SlackHook),
    ("eyJ", Jwt),
    ("-BEGIN ", Pem),
    ("://", Url),
    ("sk_live_", Service(16)),
    ("rk_live_", Service(16)),
    ("glpat-", Service(16)),
    ("npm_", Service(36)),
    ("SG.", Sendgrid),
    ("sk-ant-", Service(20)),
    ("sk-proj-", Service(20)),
    ("earer ", Bearer),
    ("EARER ", Bearer),
    ("assw", Key),
    ("ASSW", Key),
    ("assW", Key),
    ("pwd", Key),
    ("PWD", Key),
    ("Pwd", Key),
    ("ecret", Key),
    ("ECRET", Key),
    ("oken", Key),
    ("OKEN", Key),
    ("pikey", Key),
    ("piKey", Key),
    ("PIKEY", Key),
    ("pi_key", Key),
    ("PI_KEY", Key),
    ("pi-key", Key),
    ("PI-KEY", Key),
    ("pi-Key", Key),
    ("cess_key", Key),
    ("CESS_KEY", Key),
    ("cesskey", Key),
    ("cessKey", Key),
    ("cess-key", Key),
    ("vate_key", Key),
    ("VATE_KEY", Key),
    ("vateKey", Key),
    ("redential", Key),
    ("uthorization", Key),
    ("UTHORIZATION", Key),
    ("assphr", Key),
    ("ASSPHR", Key),
    ("ountKey", Key),
    ("비밀번호", Word),
    ("패스워드", Word),
    ("암호", Word),
    ("주민", Resident),
    ("rrn", Resident),
    ("RRN", Resident),
];
