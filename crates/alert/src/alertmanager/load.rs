//! From a text to a checked configuration, with errors that say where.

use std::path::Path;

use model::{Error, Result};
use query::matchers::Notation;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::config::{About, Config};
use super::reading;

/// A configuration is a few kilobytes; generated ones reach megabytes.
const MAX_BYTES: u64 = 32 << 20;

/// Reads a file; names of files in it become relative to the working directory.
pub fn load(path: &Path, notation: Notation) -> Result<Config> {
    let fail = |what: &dyn std::fmt::Display| {
        Error::invalid(format_args!("the configuration file {} cannot be read: {what}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|e| fail(&e))?.len();
    if size > MAX_BYTES {
        return Err(fail(&format_args!("it is larger than {MAX_BYTES} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(&e))?;
    let text = String::from_utf8(bytes)
        .map_err(|e| fail(&format_args!("byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
    let mut config = parse(&text, notation)
        .map_err(|e| Error::invalid(format_args!("parsing YAML file {}:{e}", path.display())))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    config.set_directory(folder);
    Ok(config)
}

/// Reads a text. The error begins with `line:column:`, where it has a place.
pub fn parse(text: &str, notation: Notation) -> Result<Config, String> {
    if text.trim().is_empty() {
        return Err(" no route provided in config".to_owned());
    }
    let read = reading::with(notation, || serde_saphyr::from_str::<Config>(text));
    let mut config = read.map_err(|e| placed(e.location(), &message(&e)))?;
    config.complete().map_err(|(about, e)| placed(place(text, &about), &e))?;
    Ok(config)
}

fn placed(at: Option<Location>, message: &str) -> String {
    match at.filter(|at| *at != Location::UNKNOWN) {
        Some(at) => format!("{}:{}: {message}", at.line(), at.column()),
        None => format!(" {message}"),
    }
}

/// What is wrong, without the place and without a picture of the file.
fn message(error: &serde_saphyr::Error) -> String {
    let said = error.without_snippet().to_string();
    let line = said.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line.split_once(": ") {
        Some((place, what)) if place.starts_with("line ") => what,
        _ => line,
    };
    let place = error.location().map(|l| format!(" at line {}, column {}", l.line(), l.column()));
    place.and_then(|place| line.strip_suffix(&place)).unwrap_or(line).to_owned()
}

/// Only what refusals of whole parts are about.
#[derive(Deserialize)]
struct Outline {
    route: Option<Spanned<Branch>>,
    #[serde(default)]
    receivers: Option<Vec<Spanned<Anything>>>,
    #[serde(default)]
    mute_time_intervals: Option<Vec<Spanned<Anything>>>,
    #[serde(default)]
    time_intervals: Option<Vec<Spanned<Anything>>>,
}

#[derive(Deserialize)]
struct Anything {}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    receiver: Option<Spanned<String>>,
    #[serde(default)]
    mute_time_intervals: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    active_time_intervals: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    routes: Option<Vec<Branch>>,
}

impl Branch {
    fn find(&self, wanted: &About) -> Option<Location> {
        let below = self.routes.iter().flatten().find_map(|route| route.find(wanted));
        let own = || match wanted {
            About::To(name) => self.receiver.iter().find(|said| said.value == *name),
            About::At(name) => {
                let (mute, active) = (&self.mute_time_intervals, &self.active_time_intervals);
                active.iter().flatten().chain(mute.iter().flatten()).find(|said| said.value == *name)
            }
            _ => None,
        };
        below.or_else(|| own().map(|said| said.referenced))
    }
}

fn place(text: &str, about: &About) -> Option<Location> {
    let outline: Outline = serde_saphyr::from_str(text).ok()?;
    let entry = |list: Option<Vec<Spanned<Anything>>>, at: usize| Some(list?.get(at)?.referenced);
    match about {
        About::All => None,
        About::Route => Some(outline.route?.referenced),
        About::Receiver(at) => entry(outline.receivers, *at),
        About::OldInterval(at) => entry(outline.mute_time_intervals, *at),
        About::Interval(at) => entry(outline.time_intervals, *at),
        About::To(_) | About::At(_) => outline.route?.value.find(about),
    }
}
