//! The grouping labels in a path: `/job/<job>{/<label>/<value>}`, each possibly with `@base64`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use model::labels::is_plain_label_name;

const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD);
const SUFFIX: &str = "@base64";

/// Why a path names no group, in Pushgateway's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what each means")]
pub enum PathError {
    #[error("invalid base64 encoding in job name {0:?}: {1}")]
    Job(String, String),
    #[error("job name is required")]
    NoJob,
    #[error("odd number of components in label string {0:?}")]
    Odd(String),
    #[error("improper label name {0:?}")]
    Name(String),
    #[error("invalid base64 encoding for label {0}={1:?}: {2}")]
    Value(String, String, String),
}

/// Reads what follows `/metrics` in a path that is decoded already: `/job/a/x/y` or `/job@base64/...`. Labels are in
/// byte order of their names; a label named `job` in the path gives way to the job.
pub fn grouping(path: &str) -> Result<Vec<(String, String)>, PathError> {
    let (encoded, rest) = match path.strip_prefix("/job@base64/") {
        Some(rest) => (true, rest),
        None => (false, path.strip_prefix("/job/").ok_or(PathError::NoJob)?),
    };
    let (job, labels) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let job =
        if encoded { decode(job).map_err(|e| PathError::Job(job.to_owned(), e))? } else { job.to_owned() };
    let mut found = split(labels)?;
    if job.is_empty() {
        return Err(PathError::NoJob);
    }
    found.retain(|(name, _)| name != "job");
    found.push(("job".to_owned(), job));
    found.sort();
    Ok(found)
}

fn split(labels: &str) -> Result<Vec<(String, String)>, PathError> {
    let mut found: Vec<(String, String)> = Vec::new();
    if labels.len() <= 1 {
        return Ok(found);
    }
    let parts: Vec<&str> = labels.split('/').skip(1).collect();
    let (pairs, rest) = parts.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(PathError::Odd(labels.to_owned()));
    }
    for [name, value] in pairs {
        let (plain, encoded) = name.strip_suffix(SUFFIX).map_or((*name, false), |plain| (plain, true));
        if !is_plain_label_name(plain) || plain.starts_with("__") {
            return Err(PathError::Name(plain.to_owned()));
        }
        let value = if encoded {
            decode(value).map_err(|e| PathError::Value(plain.to_owned(), (*value).to_owned(), e))?
        } else {
            (*value).to_owned()
        };
        // Of a name that is there twice the last value holds.
        found.retain(|(known, _)| known != plain);
        found.push((plain.to_owned(), value));
    }
    Ok(found)
}

fn decode(text: &str) -> Result<String, String> {
    let bytes = BASE64.decode(text.trim_end_matches('=')).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "the text is not valid UTF-8".to_owned())
}
