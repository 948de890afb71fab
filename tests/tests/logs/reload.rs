//! Other listeners and other files while the program runs: what a reload changes, and what it leaves alone.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tests::{Bonghwa, eventually};

use crate::read;

const LONG: Duration = Duration::from_secs(60);

/// A connection to a listener of lines of JSON, GELF or syslog.
struct Sender(TcpStream);

impl Sender {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self(stream)
    }

    fn json(&mut self, text: &str) {
        self.0.write_all(format!("{{\"message\":\"{text}\"}}\n").as_bytes()).unwrap();
    }

    /// Waits until the other side ends the connection.
    fn ends(mut self) -> bool {
        matches!(self.0.read(&mut [0; 16]), Ok(0))
    }
}

/// A port that nobody listens on now.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn is_there(bonghwa: &Bonghwa, text: &str) {
    read::wait_for(bonghwa, &format!("{} |= `{text}`", read::ALL), 1);
}

/// How often the configuration was read anew, by the program's own word.
fn reloads(bonghwa: &Bonghwa) -> usize {
    bonghwa.log().matches("configuration reloaded").count()
}

fn hang_up(bonghwa: &Bonghwa) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(bonghwa.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

pub fn listeners_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
    fs::create_dir_all(&logs).unwrap();
    let file = data.with_extension("yml");
    let (kept, closed, opened) = (free(), free(), free());
    let write = |receive: &str, followed: &str| {
        let collect = "collect:\n  containers: {interval: 1s}\n  logs:\n    journal: {enabled: false}\n";
        let files = format!("    files: [{{path: '{}'}}]\n", logs.join(followed).display());
        let receive = format!("logs:\n  receive:\n    json: [{{listen: '{kept}'}}]\n    {receive}\n");
        fs::write(&file, format!("{collect}{files}{receive}")).unwrap();
    };
    write(&format!("gelf: [{{listen: '{closed}'}}]"), "one.log");
    let flags = [&format!("--config.file={}", file.display()), "--web.enable-lifecycle"];
    let bonghwa = Bonghwa::start(&data, &flags).unwrap();
    let mut stays = Sender::to(kept);
    stays.json("before any reload");
    is_there(&bonghwa, "before any reload");
    let goes = Sender::to(closed);
    append(&logs.join("one.log"), "one before");
    is_there(&bonghwa, "one before");

    // By the signal: one listener is closed, another opened; the third keeps its connections.
    write(&format!("syslog: [{{listen: '{opened}'}}]"), "one.log");
    hang_up(&bonghwa);
    eventually("reloaded", LONG, || (reloads(&bonghwa) == 1).then_some(()));
    assert!(goes.ends());
    assert!(TcpStream::connect(closed).is_err());
    stays.json("after the signal");
    is_there(&bonghwa, "after the signal");
    let mut syslog = Sender::to(opened);
    syslog.0.write_all(b"<14>1 - box proof - - - by a listener that is new\n").unwrap();
    is_there(&bonghwa, "by a listener that is new");

    // Over HTTP: other files, and nothing else.
    write(&format!("syslog: [{{listen: '{opened}'}}]"), "*.log");
    append(&logs.join("two.log"), "two before");
    let reload = |status: u16| {
        let answer = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{}", answer.text().unwrap());
    };
    reload(200);
    is_there(&bonghwa, "two before");
    append(&logs.join("one.log"), "one after");
    is_there(&bonghwa, "one after");
    stays.json("after the request");
    is_there(&bonghwa, "after the request");
    syslog.0.write_all(b"<14>1 - box proof - - - by the same connection\n").unwrap();
    is_there(&bonghwa, "by the same connection");
    assert_eq!(read::count(&bonghwa, "{filename=~`.*one.log`}"), Some(2), "nothing is read twice");
    let log = bonghwa.log();
    assert!(log.contains("logs are followed by other rules") && !log.contains("started anew"), "{log}");

    // What is wrong changes nothing, whatever is right beside it.
    write("beats: [{listen: nowhere}]", "one.log");
    reload(500);
    stays.json("after what was wrong");
    is_there(&bonghwa, "after what was wrong");
    append(&logs.join("two.log"), "two after");
    is_there(&bonghwa, "two after");
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

fn append(path: &Path, line: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}
