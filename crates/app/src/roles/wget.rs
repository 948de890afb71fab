//! The little of `wget` that health checks use, in busybox's and in GNU's spelling.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use model::Error;
use outbound::client::header::{HeaderName, HeaderValue};
use outbound::{Client, ClientOptions, HttpConfig, Method, Url};

/// The most that is written to a file or to the output.
const MOST_BYTES: usize = 1 << 30;

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
struct Ask {
    url: String,
    quiet: bool,
    spider: bool,
    tries: u32,
    timeout: Duration,
    /// `None`: the last part of the address names the file. `-`: standard output.
    output: Option<String>,
    headers: Vec<(String, String)>,
    unchecked: bool,
}

#[allow(clippy::print_stderr, reason = "the last words of a command")]
pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    let args: Vec<String> = args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let ask = match parse(&args) {
        Ok(ask) => ask,
        Err(problem) => {
            eprintln!("wget: {problem}");
            return ExitCode::from(2);
        }
    };
    let mut last = Ok(());
    for _ in 0..ask.tries.max(1) {
        last = get(&ask);
        if last.is_ok() {
            return ExitCode::SUCCESS;
        }
    }
    if let (Err(error), false) = (last, ask.quiet) {
        eprintln!("wget: {error}");
    }
    // GNU's wget says 4 for the network and 8 for an error of the server; busybox, and health checks, know 1.
    ExitCode::FAILURE
}

fn parse(args: &[String]) -> Result<Ask, String> {
    let mut ask = Ask {
        url: String::new(),
        quiet: false,
        spider: false,
        tries: 1,
        timeout: Duration::from_secs(900),
        output: None,
        headers: Vec::new(),
        unchecked: false,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') || arg == "-" {
            if !ask.url.is_empty() {
                return Err("one address at a time".to_owned());
            }
            ask.url.clone_from(arg);
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, given) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_owned())));
            let mut value = || given.clone().or_else(|| args.next().cloned()).unwrap_or_default();
            match name {
                "quiet" => ask.quiet = true,
                "spider" => ask.spider = true,
                "tries" => ask.tries = number(&value())?,
                "timeout" => ask.timeout = Duration::from_secs(number(&value())?.into()),
                "output-document" => ask.output = Some(value()),
                "header" => ask.headers.push(header(&value())?),
                "no-check-certificate" => ask.unchecked = true,
                "no-verbose" | "server-response" | "no-proxy" => {}
                _ => return Err(format!("unrecognized option '--{name}'")),
            }
        } else {
            let mut letters = arg[1..].chars();
            while let Some(letter) = letters.next() {
                let rest = letters.as_str().to_owned();
                let mut value =
                    || if rest.is_empty() { args.next().cloned().unwrap_or_default() } else { rest.clone() };
                match letter {
                    'q' => ask.quiet = true,
                    'S' | 'c' | 'v' => {}
                    // `-nv`
                    'n' => break,
                    'O' => ask.output = Some(value()),
                    'T' => ask.timeout = Duration::from_secs(number(&value())?.into()),
                    't' => ask.tries = number(&value())?,
                    other => return Err(format!("invalid option -- '{other}'")),
                }
                if matches!(letter, 'O' | 'T' | 't') {
                    break;
                }
            }
        }
    }
    if ask.url.is_empty() {
        return Err("missing URL".to_owned());
    }
    if !ask.url.contains("://") {
        ask.url = format!("http://{}", ask.url);
    }
    Ok(ask)
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("invalid number '{text}'"))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("invalid header '{text}'"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn get(ask: &Ask) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::internal("the runtime cannot be started").with_detail(e))?;
    runtime.block_on(fetch(ask))
}

async fn fetch(ask: &Ask) -> Result<(), Error> {
    let url: Url =
        ask.url.parse().map_err(|e| Error::invalid(format_args!("bad address '{}': {e}", ask.url)))?;
    let mut config = HttpConfig::default();
    config.tls_config.insecure_skip_verify = ask.unchecked;
    let client = Client::new(&config, ClientOptions::default()).map_err(Error::invalid)?;
    let method = if ask.spider { Method::HEAD } else { Method::GET };
    let mut request = client.request(method, url.clone()).timeout(ask.timeout);
    for (name, value) in &ask.headers {
        let bad = || Error::invalid(format_args!("bad header '{name}'"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        request = request.header(name, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    let mut answer = request.send().await.map_err(Error::unavailable)?;
    if !answer.status().is_success() {
        return Err(Error::unavailable(format_args!("server returned error: HTTP/1.1 {}", answer.status())));
    }
    if ask.spider {
        return Ok(());
    }
    let mut out = output(ask, &url)?;
    let mut written = 0;
    while let Some(chunk) = answer.chunk().await.map_err(Error::unavailable)? {
        written += chunk.len();
        if written > MOST_BYTES {
            return Err(Error::too_large("the answer is too large"));
        }
        out.write_all(&chunk).map_err(|e| Error::internal(format_args!("cannot write: {e}")))?;
    }
    out.flush().map_err(|e| Error::internal(format_args!("cannot write: {e}")))
}

fn output(ask: &Ask, url: &Url) -> Result<Box<dyn Write>, Error> {
    let name = match ask.output.as_deref() {
        Some("-") => return Ok(Box::new(std::io::stdout())),
        Some(name) => name.to_owned(),
        None => {
            let last = url.path().rsplit('/').next().unwrap_or_default();
            if last.is_empty() { "index.html".to_owned() } else { last.to_owned() }
        }
    };
    let file = std::fs::File::create(PathBuf::from(&name));
    Ok(Box::new(file.map_err(|e| Error::invalid(format_args!("cannot open '{name}': {e}")))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Ask, String> {
        parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_spellings_of_health_checks_are_understood() {
        let ask = of("--quiet --tries=1 --spider http://localhost:9090/-/healthy").unwrap();
        assert!(ask.quiet && ask.spider && ask.tries == 1);
        assert_eq!(ask.url, "http://localhost:9090/-/healthy");
        for text in
            ["-q -O - localhost:9090/x", "-qO- localhost:9090/x", "-q --output-document=- localhost:9090/x"]
        {
            let ask = of(text).unwrap();
            assert!(ask.quiet && !ask.spider, "{text}");
            assert_eq!(
                (ask.output.as_deref(), ask.url.as_str()),
                (Some("-"), "http://localhost:9090/x"),
                "{text}"
            );
        }
        let ask = of("-nv -t 2 -T 5 --no-check-certificate --header=A:b https://h/").unwrap();
        assert_eq!((ask.tries, ask.timeout, ask.unchecked), (2, Duration::from_secs(5), true));
        assert_eq!(ask.headers, [("A".to_owned(), "b".to_owned())]);
        for (text, said) in
            [("-q", "missing URL"), ("--mirror http://h", "unrecognized"), ("-z h", "invalid option")]
        {
            assert!(of(text).unwrap_err().contains(said), "{text}");
        }
    }
}
