//! rsyslog and syslog-ng, unpacked from Debian's packages with their libraries.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tests::clients::provided;
use tests::eventually;

use crate::ours::{LONG, Line, Ours, texts};

fn root() -> PathBuf {
    provided("reference/syslog")
}

/// A program of the folder, with the libraries of the folder.
fn program(name: &str) -> Command {
    let root = root();
    let mut command = Command::new(root.join("usr/sbin").join(name));
    let libraries = [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
        "usr/lib/syslog-ng",
        "lib/x86_64-linux-gnu",
        "lib/aarch64-linux-gnu",
    ];
    let libraries: Vec<String> = libraries.iter().map(|l| root.join(l).display().to_string()).collect();
    command.env("LD_LIBRARY_PATH", libraries.join(":"));
    command
}

fn runs(name: &str, argument: &str) -> bool {
    program(name).arg(argument).output().is_ok_and(|output| output.status.success())
}

pub fn has_rsyslog() -> bool {
    runs("rsyslogd", "-v")
}

pub fn has_syslog_ng() -> bool {
    runs("syslog-ng", "--version")
}

/// Ended when it is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder below the library folders of whatever machine this is.
fn modules(folder: &str) -> String {
    let found = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib"]
        .map(|library| root().join(library).join(folder))
        .into_iter()
        .find(|path| path.is_dir());
    found.unwrap().display().to_string()
}

fn start(mut command: Command, ours: &Ours, log: &str) -> Daemon {
    let out = std::fs::File::create(ours.file(log)).unwrap();
    command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).current_dir(ours.folder.path());
    Daemon(command.spawn().unwrap())
}

/// rsyslog that reads from `port` and does `actions`.
fn rsyslog(ours: &Ours, name: &str, port: u16, actions: &str) -> Daemon {
    let folder = ours.file(name);
    std::fs::create_dir_all(&folder).unwrap();
    let config = format!(
        "global(workDirectory=\"{0}\" localHostname=\"web-7\" net.enableDNS=\"off\" \
         parser.escapeControlCharactersOnReceive=\"off\" DefaultNetstreamDriverCAFile=\"{1}\")\n\
         module(load=\"imptcp\")\ninput(type=\"imptcp\" address=\"127.0.0.1\" port=\"{port}\")\n{actions}\n",
        folder.display(),
        ours.file("server.pem").display(),
    );
    let file = folder.join("rsyslog.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = program("rsyslogd");
    command
        .arg("-n")
        .arg("-f")
        .arg(&file)
        .arg("-i")
        .arg(folder.join("pid"))
        .arg("-M")
        .arg(modules("rsyslog"));
    start(command, ours, &format!("{name}.log"))
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends messages of RFC 5424 with their lengths to a daemon.
fn feed(port: u16, messages: impl Iterator<Item = String>) {
    let mut stream = eventually("the daemon listens", LONG, || TcpStream::connect(("127.0.0.1", port)).ok());
    for message in messages {
        stream.write_all(format!("{} {message}", message.len()).as_bytes()).unwrap();
    }
}

/// One message with everything, one of several lines, and many.
fn messages() -> impl Iterator<Item = String> {
    let now = || {
        let out = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.250000Z"]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let now = now();
    let first = [
        format!(
            "<163>1 {now} shop-1 shop 4711 ID47 [ex@32473 iut=\"3\" note=\"a \\\"b\\\" 값\"] 주문 실패: 재시도"
        ),
        format!("<12>1 {now} shop-1 trace 12 - - first\n    at second"),
    ];
    let many = move |n: usize| format!("<14>1 {now} shop-1 many 12 - - message {n}");
    first.into_iter().chain((0..COUNT).map(many))
}

const COUNT: usize = 500;

/// What each way must bring of [`messages`]. The older format has no structured data; where lines end messages, the
/// second line of a message is one of its own.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    newer: bool,
    whole: bool,
}

fn check(ours: &Ours, ways: &[Way], exact: usize) {
    let (mut newer, mut whole) = (0, 0);
    for way in ways {
        newer += usize::from(way.newer);
        whole += usize::from(way.whole);
    }
    let query = |service: &str| format!("{{node=\"shop-1\",service=\"{service}\"}}");
    let many = ours.wait(&query("many"), COUNT * ways.len());
    for n in 0..COUNT {
        let text = format!("message {n}");
        assert_eq!(many.iter().filter(|line| line.text == text).count(), ways.len(), "{text}");
    }
    let shop = ours.wait(&query("shop"), ways.len());
    for line in &shop {
        assert_eq!(line.text, "주문 실패: 재시도");
        assert_eq!(line.said(&["severity", "facility", "procid", "detected_level"]), "err|local4|4711|error");
    }
    let with = |wanted: &str| {
        shop.iter().filter(|l| l.said(&["msgid", "ex_32473_iut", "ex_32473_note"]) == wanted).count()
    };
    assert_eq!(with("ID47|3|a \"b\" 값"), newer, "{shop:#?}");
    assert_eq!(with("||"), ways.len() - newer);
    let found = shop.iter().filter(|line| line.ns % 1_000_000_000 == 250_000_000).count();
    assert_eq!(found, exact, "times with their fraction");
    let traces = ours.wait(&query("trace"), ways.len());
    let both = traces.iter().filter(|line| line.text == "first\n    at second").count();
    assert_eq!(both, whole, "{:?}", texts(&traces));
    assert!(traces.iter().all(|line| line.field("detected_level") == "warn"));
    let names: Vec<&str> = ways.iter().map(|way| way.name).collect();
    assert_eq!(ours.lines("{input=\"syslog\",node=\"shop-1\"}").len(), (COUNT + 2) * ways.len(), "{names:?}");
}

pub fn rsyslog_forwards() {
    let ours = Ours::start();
    let [udp, tcp, tls] = [0, 1, 2].map(|at| ours.port("syslog", at));
    let to = |host: &str, more: &str| format!("action(type=\"omfwd\" target=\"{host}\" {more})\n");
    let forward = |more: &str| to("127.0.0.1", more);
    let secure = |driver: &str| {
        to(
            "localhost",
            &format!(
                "port=\"{tls}\" protocol=\"tcp\" template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\" \
             StreamDriver=\"{driver}\" StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/name\" \
             StreamDriverPermittedPeers=\"localhost\""
            ),
        )
    };
    let ways = [
        (
            Way { name: "tcp, counted, RFC 5424", newer: true, whole: true },
            forward(&format!(
                "port=\"{tcp}\" protocol=\"tcp\" template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\""
            )),
        ),
        (
            Way { name: "udp, RFC 5424", newer: true, whole: true },
            forward(&format!("port=\"{udp}\" protocol=\"udp\" template=\"RSYSLOG_SyslogProtocol23Format\"")),
        ),
        (Way { name: "tls by GnuTLS", newer: true, whole: true }, secure("gtls")),
        (Way { name: "tls by OpenSSL", newer: true, whole: true }, secure("ossl")),
    ];
    let actions: String = ways.iter().map(|(_, action)| action.as_str()).collect();
    let port = free_port();
    let _daemon = rsyslog(&ours, "forward", port, &actions);
    feed(port, messages());
    check(&ours, &ways.map(|(way, _)| way), 4);
}

/// The older format, line by line, as a machine's own daemon forwards: `*.* @@host:514`.
pub fn rsyslog_forwards_by_the_line() {
    let ours = Ours::start();
    let (udp, tcp) = (ours.port("syslog", 0), ours.port("syslog", 1));
    let port = free_port();
    let _daemon = rsyslog(&ours, "lines", port, &format!("*.* @@127.0.0.1:{tcp}\n*.* @127.0.0.1:{udp}\n"));
    let many = (0..200).map(|n| format!("<13>Nov 22 10:00:00 box-3 cron[{}]: 작업 {n} 완료", 100 + n));
    let now =
        String::from_utf8(Command::new("date").arg("+%b %e %H:%M:%S").output().unwrap().stdout).unwrap();
    feed(port, many.map(|message| message.replace("Nov 22 10:00:00", now.trim())));
    let lines = ours.wait("{node=\"box-3\",service=\"cron\"}", 400);
    for n in 0..200 {
        let found: Vec<&Line> = lines.iter().filter(|l| l.text == format!("작업 {n} 완료")).collect();
        assert_eq!(found.len(), 2, "{n}");
        let wanted = format!("notice|user|{}|info", 100 + n);
        assert!(
            found.iter().all(|l| l.said(&["severity", "facility", "procid", "detected_level"]) == wanted)
        );
    }
}

/// While nobody listens rsyslog keeps what comes on disk; once we are there it brings everything.
pub fn rsyslog_keeps_what_it_cannot_send() {
    let down = free_port();
    let ours = Ours::start();
    let port = free_port();
    let action = format!(
        "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{down}\" protocol=\"tcp\" \
         template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\" queue.type=\"LinkedList\" \
         queue.filename=\"waiting\" queue.size=\"100\" queue.highWatermark=\"50\" queue.lowWatermark=\"10\" \
         queue.saveOnShutdown=\"on\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\")"
    );
    let _daemon = rsyslog(&ours, "queue", port, &action);
    feed(port, messages());
    eventually("messages wait on disk", LONG, || {
        let entries = std::fs::read_dir(ours.file("queue")).unwrap().flatten();
        entries.map(|e| e.file_name()).find(|name| name.to_string_lossy().starts_with("waiting.0"))
    });
    // Another of ours, on that port.
    let late = tests::Bonghwa::start(&ours.file("late"), &[&late_config(&ours, down)]).unwrap();
    let ours = Ours { binary: late, ..ours };
    // What was in memory comes before what was on disk, and the message that it was about to send may come twice.
    let wanted: BTreeSet<String> = (0..COUNT).map(|n| format!("message {n}")).collect();
    eventually("nothing is lost", LONG, || {
        let lines = ours.lines("{node=\"shop-1\",service=\"many\"}");
        let found: BTreeSet<String> = texts(&lines).into_iter().map(str::to_owned).collect();
        (found == wanted).then_some(())
    });
}

fn late_config(ours: &Ours, port: u16) -> String {
    let file = ours.file("late.yml");
    let text =
        format!("scrape_configs: []\nlogs: {{receive: {{syslog: [{{listen: '127.0.0.1:{port}'}}]}}}}\n");
    std::fs::write(&file, text).unwrap();
    format!("--config.file={}", file.display())
}

pub fn syslog_ng_forwards() {
    let ours = Ours::start();
    let [udp, tcp, tls] = [0, 1, 2].map(|at| ours.port("syslog", at));
    let authority = ours.file("server.pem");
    let secure = format!(
        "transport(\"tls\") port({tls}) tls(ca-file(\"{}\") peer-verify(required-trusted))",
        authority.display()
    );
    let (udp, tcp) = (format!("transport(\"udp\") port({udp})"), format!("transport(\"tcp\") port({tcp})"));
    let ways = [
        (Way { name: "syslog tcp", newer: true, whole: true }, format!("syslog(\"127.0.0.1\" {tcp}")),
        (Way { name: "syslog udp", newer: true, whole: true }, format!("syslog(\"127.0.0.1\" {udp}")),
        (Way { name: "syslog tls", newer: true, whole: true }, format!("syslog(\"localhost\" {secure}")),
        (Way { name: "network udp", newer: false, whole: true }, format!("network(\"127.0.0.1\" {udp}")),
    ];
    let port = free_port();
    let mut config = format!(
        "@version: 3.38\noptions {{ keep-hostname(yes); }};\n\
         source s {{ syslog(ip(\"127.0.0.1\") port({port}) transport(\"tcp\")); }};\n"
    );
    for (at, (_, destination)) in ways.iter().enumerate() {
        config += &format!(
            "destination d{at} {{ {destination} persist-name(\"d{at}\")); }};\nlog {{ source(s); destination(d{at}); }};\n"
        );
    }
    std::fs::write(ours.file("syslog-ng.conf"), config).unwrap();
    let mut command = program("syslog-ng");
    command.args(["-F", "--no-caps", "-f", "syslog-ng.conf", "-R", "persist", "-c", "control", "-p", "pid"]);
    command.arg(format!("--module-path={}", root().join("usr/lib/syslog-ng/3.38").display()));
    let _daemon = start(command, &ours, "syslog-ng.log");
    feed(port, messages());
    // Unless it is told otherwise it leaves fractions of seconds out.
    check(&ours, &ways.map(|(way, _)| way), 0);
}
