//! `kill -9` under senders: what was acknowledged is there afterwards, once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::{Bonghwa, eventually};

use crate::read;
use crate::senders::{Answer, Target, WAYS, Way, config};

const ROUNDS: usize = 20;
/// Lines that are sent together.
const TOGETHER: usize = 4;

pub fn every_acknowledged_line_survives() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, flag) = config(&data, "", "");
    let ways: Vec<Way> = WAYS.into_iter().filter(|way| way.acknowledges).collect();
    let acknowledged: Mutex<Vec<Vec<String>>> = Mutex::new(vec![Vec::new(); ways.len()]);
    for round in 0..ROUNDS {
        let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
        let target = Target::of(&bonghwa);
        let before: Vec<usize> = acknowledged.lock().unwrap().iter().map(Vec::len).collect();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (at, way) in ways.iter().enumerate() {
                let (target, stop, acknowledged) = (&target, &stop, &acknowledged);
                scope.spawn(move || {
                    let mut send = (way.open)(target);
                    for n in 0.. {
                        let line =
                            |part| format!("proof of {} round {round} batch {n} part {part} end", way.name);
                        let lines: Vec<String> = (0..TOGETHER).map(line).collect();
                        match send(&lines) {
                            Answer::Acknowledged => acknowledged.lock().unwrap()[at].extend(lines),
                            answer => {
                                assert!(stop.load(Ordering::SeqCst), "{}: {answer:?}", way.name);
                                return;
                            }
                        }
                    }
                });
            }
            // Not before every way was acknowledged something, and at a different moment each round.
            eventually("acknowledged lines", Duration::from_secs(60), || {
                let now = acknowledged.lock().unwrap();
                let all = now.iter().zip(&before).all(|(now, before)| now.len() > *before);
                let sum = |of: usize| of - before.iter().sum::<usize>();
                (all && sum(now.iter().map(Vec::len).sum()) > 100 + 40 * round).then_some(())
            });
            stop.store(true, Ordering::SeqCst);
            bonghwa.kill().unwrap();
        });
    }
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let mut there: HashMap<String, usize> = HashMap::new();
    for line in read::lines(&bonghwa, &format!("{} |= `proof of `", read::ALL)) {
        *there.entry(line.text).or_default() += 1;
    }
    for (way, lines) in ways.iter().zip(acknowledged.into_inner().unwrap()) {
        let lost: Vec<_> = lines.iter().filter(|line| !there.contains_key(*line)).collect();
        assert!(lost.is_empty(), "{}: {} of {} lost: {:?}", way.name, lost.len(), lines.len(), lost.first());
        println!("{}: {} lines acknowledged in {ROUNDS} rounds, all there", way.name, lines.len());
    }
    // Nothing was sent twice, so nothing is there twice.
    let twice: Vec<_> = there.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{} lines are there more than once: {:?}", twice.len(), twice.first());
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}
