//! `basic_auth_users`: names and bcrypt hashes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use http::HeaderMap;
use parking_lot::Mutex;

use super::written::Secret;

/// Answers that are remembered; bcrypt takes tens of milliseconds of a processor.
const REMEMBERED: usize = 100;
/// Longer credentials are judged anew each time: the memory of answers stays small.
const LONGEST_REMEMBERED: usize = 512;

/// Salt and digest of no password anybody has: an unknown name takes as long as a known one.
const NOBODY: &str = "QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

/// (name, hash, password) -> whether it fits.
type Answers = HashMap<(String, String, String), bool>;

/// Judges names and passwords, one at a time, and remembers the answers.
#[derive(Default)]
pub(super) struct Users {
    known: Arc<Mutex<Answers>>,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
}

impl Users {
    /// Whether the request carries the name and password of a user.
    pub(super) async fn verify(&self, users: &BTreeMap<String, Secret>, headers: &HeaderMap) -> bool {
        let Some((name, password)) = credentials(headers) else { return false };
        let is_user = users.contains_key(&name);
        let hash = users.get(&name).map_or_else(|| stand_in(users), |secret| secret.0.clone());
        let key = (name, hash, password);
        if let Some(answer) = self.known.lock().get(&key) {
            return *answer && is_user;
        }
        let (known, turn) = (self.known.clone(), self.one_at_a_time.clone().lock_owned().await);
        let judged = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // Another request with the same credentials may have been judged while this one waited.
            if let Some(answer) = known.lock().get(&key) {
                return *answer;
            }
            let fits = bcrypt::verify(&key.2, &key.1).unwrap_or(false);
            remember(&known, key, fits);
            fits
        });
        judged.await.unwrap_or(false) && is_user
    }
}

fn remember(known: &Mutex<Answers>, key: (String, String, String), fits: bool) {
    if key.0.len() + key.2.len() > LONGEST_REMEMBERED {
        return;
    }
    let mut known = known.lock();
    if known.len() >= REMEMBERED {
        // Wrong guesses must not push the right answers out; of the rest, a part in the map's random order.
        known.retain(|_, fits| *fits);
        let surplus: Vec<_> =
            known.keys().take(known.len().saturating_sub(REMEMBERED * 9 / 10)).cloned().collect();
        for old in surplus {
            known.remove(&old);
        }
    }
    known.insert(key, fits);
}

/// A hash of the cost that the users' hashes have.
fn stand_in(users: &BTreeMap<String, Secret>) -> String {
    let costs = users.values().filter_map(|secret| cost(&secret.0));
    format!("$2y${:02}${NOBODY}", costs.max().unwrap_or(10))
}

/// The cost of a bcrypt hash; `None` if it is none.
pub(super) fn cost(hash: &str) -> Option<u32> {
    hash.parse::<bcrypt::HashParts>().ok().map(|parts| parts.get_cost())
}

/// Name and password of `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, password: &str) -> HeaderMap {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        HeaderMap::from_iter([(http::header::AUTHORIZATION, format!("Basic {text}").parse().unwrap())])
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_passes_and_the_answer_is_remembered() {
        let hash = bcrypt::hash("se:cret", 4).unwrap();
        let list = BTreeMap::from([("alice".to_owned(), Secret(hash))]);
        let users = Users::default();
        for _ in 0..2 {
            assert!(users.verify(&list, &asked("alice", "se:cret")).await);
            assert!(!users.verify(&list, &asked("alice", "secret")).await);
            assert!(!users.verify(&list, &asked("bob", "se:cret")).await);
        }
        assert!(!users.verify(&list, &HeaderMap::new()).await);
        assert_eq!(users.known.lock().len(), 3);
        let changed = BTreeMap::from([("alice".to_owned(), Secret(bcrypt::hash("other", 4).unwrap()))]);
        assert!(!users.verify(&changed, &asked("alice", "se:cret")).await);
    }

    #[tokio::test]
    async fn guesses_do_not_fill_the_memory_nor_push_out_right_answers() {
        let list = BTreeMap::from([("a".to_owned(), Secret(bcrypt::hash("p", 4).unwrap()))]);
        let users = Users::default();
        assert!(users.verify(&list, &asked("a", "p")).await);
        for n in 0..REMEMBERED + 20 {
            assert!(!users.verify(&list, &asked("a", &n.to_string())).await);
        }
        let known = users.known.lock();
        assert!(known.len() <= REMEMBERED && known.values().any(|fits| *fits));
    }

    #[test]
    fn the_stand_in_is_a_hash_of_the_users_cost() {
        let list = BTreeMap::from([("a".to_owned(), Secret(bcrypt::hash("p", 5).unwrap()))]);
        assert_eq!(cost(&stand_in(&list)), Some(5));
        assert!(!bcrypt::verify("fake", &stand_in(&list)).unwrap());
        assert_eq!(cost("plain"), None);
    }
}
