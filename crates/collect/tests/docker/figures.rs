//! Figures against what is known to be true.

use crate::engine::{Container, Privileged, data_device};
use crate::lab::{Lab, eventually, increase};

/// CPU per second over the middle of the samples: start and end of the container are left out.
fn cores(samples: &[(i64, f64)]) -> f64 {
    let (first, last) = (samples[2], samples[samples.len() - 1]);
    (last.1 - first.1) / ((last.0 - first.0) as f64 / 1000.0)
}

pub(crate) fn a_cpu_limit_of_a_half_shows_a_half_and_throttling() {
    let lab = Lab::start();
    let privileged = Privileged::new();
    let mut options = vec!["--cpus".to_owned(), "0.5".to_owned()];
    options.extend(privileged.options());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    // Two burners: on a busy machine one alone might not reach its quota.
    let it = Container::run("cpu", &options, "while :; do :; done & while :; do :; done");
    let (samples, throttled) = eventually("ten seconds of CPU at the limit", || {
        let samples = lab.samples("container_cpu_usage_seconds_total", &it.name, &[("cpu", "total")]);
        let throttled = lab.samples("container_cpu_cfs_throttled_periods_total", &it.name, &[]);
        let enough = samples.len() >= 12 && increase(&throttled) >= 20.0;
        enough.then(|| (samples[samples.len() - 12..].to_vec(), throttled))
    });
    let used = cores(&samples);
    assert!((0.4..=0.6).contains(&used), "{used} cores; {samples:?}; {throttled:?}");
    let seconds = lab.samples("container_cpu_cfs_throttled_seconds_total", &it.name, &[]);
    assert!(increase(&seconds) > 0.0, "throttled seconds: {seconds:?}");
    let row = lab.row(&it.name, "the verdict", |row| row.verdicts.iter().any(|v| v.code == "cpu_throttled"));
    assert!(row.live.is_some_and(|p| p.throttled > 0.0), "{:?}", row.live);
    it.remove();
    lab.stop();
}

pub(crate) fn network_bytes_agree_with_the_interface() {
    let lab = Lab::start();
    let megabytes = 24;
    let serve = format!("dd if=/dev/zero of=/tmp/file bs=1M count={megabytes}; exec httpd -f -p 80 -h /tmp");
    let server = Container::run("net-server", &[], &serve);
    let row = lab.row(&server.name, "an address", |row| !row.facts.addresses.is_empty());
    let address = &row.facts.addresses[0].1;
    let client = Container::run("net-client", &[], "exec sleep 600");
    let fetch = format!(
        "for i in 1 2 3 4 5 6 7 8; do wget -q -O /dev/null http://{address}/file && exit 0; sleep 1; done; exit 1"
    );
    client.exec(&fetch);

    for (it, column, metric) in [
        (&client, 0, "container_network_receive_bytes_total"),
        (&server, 8, "container_network_transmit_bytes_total"),
    ] {
        let agreed = eventually("the interface's own count", || {
            let dev = it.exec("cat /proc/net/dev");
            let line = dev.lines().find_map(|line| line.trim().strip_prefix("eth0:"))?;
            let truth: f64 = line.split_whitespace().nth(column)?.parse().ok()?;
            let samples = lab.samples(metric, &it.name, &[("interface", "eth0")]);
            let (_, seen) = samples.last().copied()?;
            let sum = increase(&samples);
            ((seen - truth).abs() <= truth * 0.02 && (sum - truth).abs() <= truth * 0.02).then_some(truth)
        });
        assert!(agreed >= f64::from(megabytes << 20), "{metric}: {agreed}");
    }
    lab.stop();
}

pub(crate) fn direct_writes_agree_with_what_was_written() {
    let lab = Lab::start();
    let device = data_device().expect("looked at before");
    let limit = format!("{device}:100gb");
    let megabytes = 48;
    let script =
        format!("sleep 1; dd if=/dev/zero of=/data bs=1M count={megabytes} oflag=direct; exec sleep 600");
    let it = Container::run("blkio", &["--device-write-bps", &limit], &script);
    let truth = f64::from(megabytes << 20);
    let of_device = [("device", device.as_str())];
    eventually("the bytes written", || {
        let samples = lab.samples("container_fs_writes_bytes_total", &it.name, &of_device);
        let sum = increase(&samples);
        ((sum - truth).abs() <= truth * 0.02).then_some(())
    });
    let operation = [("device", device.as_str()), ("operation", "Write")];
    let written = lab.samples("container_blkio_device_usage_total", &it.name, &operation);
    assert!(written.last().is_some_and(|(_, v)| (v - truth).abs() <= truth * 0.02), "{written:?}");
    lab.stop();
}

pub(crate) fn page_cache_raises_no_memory_verdict() {
    let lab = Lab::start();
    // The file is larger than the limit by far; it is written once and read twice.
    let script = "dd if=/dev/zero of=/data bs=1M count=1024 2>/dev/null; cat /data /data > /dev/null; \
                  echo done; exec sleep 600";
    let it = Container::run("cache", &["--memory", "64m"], script);
    let memory_codes = |row: &model::container::ContainerRow| {
        row.verdicts
            .iter()
            .map(|v| v.code.clone())
            .filter(|c| c.contains("memory") || c.contains("oom"))
            .collect::<Vec<_>>()
    };
    let mut nearest: f64 = 0.0;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(150);
    let mut after = 0;
    while after < 10 {
        assert!(std::time::Instant::now() < deadline, "the file was not read in time");
        if let Some(row) = model::container::Containers::row(lab.collector.as_ref(), &it.name) {
            assert_eq!(memory_codes(&row), Vec::<String>::new(), "{row:#?}");
            nearest = nearest.max(row.live.map_or(0.0, |p| p.memory / f64::from(64 << 20)));
        }
        let done = crate::engine::docker(&["logs", &it.name]).contains("done");
        after += u32::from(done);
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    assert!(nearest > 0.8, "the cache did fill the limit: {nearest}");
    it.remove();
    lab.stop();
}
