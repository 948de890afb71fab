//! How summaries are kept up to date, and what is left of those that could not be made.

use super::*;

const TIMES: (i64, i64, i64) = (FIRST, FIRST + 2 * DAY, HOUR);
const QUERY: &str = "sum(count_over_time(temperature[1h]))";

#[test]
fn a_failure_leaves_no_summaries_that_nobody_knows() {
    let history = history(2, 600_000, 7);
    for at in 0..2_000 {
        let fixture = Fixture::new();
        let store = fixture.open();
        import(&store, &history);
        fixture.fs.fail_once(at);
        (0..12).for_each(|_| drop(store.maintain()));
        if !fixture.fs.failed() {
            return;
        }
        let blocks = store.tiers.levels.iter().flat_map(|level| level.blocks.all().to_vec());
        let known: Vec<String> = blocks.map(|block| block.name.clone()).collect();
        for file in fixture.fs.files() {
            let mut parts = file.iter().rev().map(|part| part.to_string_lossy().into_owned()).skip(1);
            let (block, tiers) = (parts.next().unwrap(), parts.nth(1).unwrap());
            assert!(
                tiers != "tiers" || known.contains(&block),
                "failure at {at}: {} is left",
                file.display()
            );
        }
    }
    panic!("there is always something to fail");
}

#[test]
fn summaries_are_made_anew_however_often_memory_is_flushed() {
    let (fixture, store) = built(8);
    let late = [(labels("temperature", 7), vec![(FIRST + DAY + 1, 1.0)])];
    import(&store, &late);
    let of_late = || -> Vec<u64> {
        let holds = |b: &&Arc<crate::block::Block>| crate::tiers::window_of(b).contains(FIRST + DAY + 1);
        store.tiers.levels[0].blocks.all().iter().filter(holds).map(|b| b.number).collect()
    };
    let before = of_late();
    let series = resolve(&store, &[labels("busy", 0)]);
    for minute in 1..30 {
        fixture.clock.set_ms(NOW + minute * 60_000);
        append(&store, series[0], NOW + minute * 60_000, 1.0).unwrap();
        store.flush().unwrap();
        store.maintain().unwrap();
    }
    assert!(of_late().len() == 1 && of_late() != before, "{before:?} {:?}", of_late());
    let got = ask(&store, QUERY, true, TIMES);
    assert_eq!(points(&got), points(&ask(&store, QUERY, false, TIMES)));
}

#[test]
fn compaction_with_what_came_later_costs_no_summaries() {
    let mut fixture = Fixture::new();
    fixture.options.retention_ms = 0;
    let store = fixture.open();
    let history = history(6, 600_000, 9);
    let part = |from: i64, to: i64| -> Vec<One> {
        let inside = |s: &&(i64, f64)| (FIRST + from * DAY..FIRST + to * DAY).contains(&s.0);
        history.iter().map(|(l, s)| (l.clone(), s.iter().filter(inside).copied().collect())).collect()
    };
    import(&store, &part(0, 4));
    maintained(&store);
    let made = || -> Vec<u64> {
        let of =
            |level: &crate::tiers::Level| level.blocks.all().iter().map(|b| b.number).collect::<Vec<_>>();
        store.tiers.levels.iter().flat_map(of).collect()
    };
    let before = made();
    import(&store, &part(4, 6));
    maintained(&store);
    let border = FIRST + 4 * DAY;
    let joined = |b: &crate::inspect::BlockInfo| b.range.start < border && b.range.end > border;
    assert!(store.block_list().iter().any(joined), "{:?}", store.block_list());
    assert!(before.iter().all(|number| made().contains(number)), "{before:?} {:?}", made());
    let times = (FIRST + 3 * DAY, FIRST + 4 * DAY, HOUR);
    let got = ask(&store, QUERY, true, times);
    assert_eq!(got.resolutions, [HOUR]);
    assert_eq!(points(&got), points(&ask(&store, QUERY, false, times)));
    // It is remembered.
    drop(store);
    fixture.fs.crash();
    assert_eq!(ask(&fixture.open(), QUERY, true, times).resolutions, [HOUR]);
}

#[test]
fn days_without_samples_are_looked_at_once() {
    let fixture = Fixture::new();
    let store = fixture.open();
    // One block with a day at each end.
    let day = |n: i64| (0..144).map(move |i| FIRST + n * DAY + 1 + i * 600_000);
    let mut given = false;
    let range = TimeRange::new(FIRST, FIRST + 5 * DAY);
    let imported = store.import(range, &mut |out| {
        out.labels = labels("temperature", 0);
        day(0).chain(day(4)).for_each(|t| out.push_float(0, t, 1.0));
        Ok(!std::mem::replace(&mut given, true))
    });
    imported.unwrap();
    maintained(&store);
    let (made, series) = (tier_blocks(&store), resolve(&store, &[labels("busy", 0)]));
    let operations = |n: i64| {
        append(&store, series[0], NOW + n, 1.0).unwrap();
        store.flush().unwrap();
        let before = fixture.fs.operations();
        store.maintain_tiers().unwrap();
        fixture.fs.operations() - before
    };
    assert_eq!((1..5).map(operations).sum::<u64>(), 0);
    assert_eq!(tier_blocks(&store), made);
}

#[test]
fn a_store_that_is_about_to_close_begins_nothing_long() {
    let fixture = Fixture::new();
    let store = fixture.open();
    import(&store, &history(5, 600_000, 11));
    let blocks = store.block_list();
    let series = resolve(&store, &[labels("m", 0)]);
    append(&store, series[0], NOW, 1.0).unwrap();
    fixture.clock.advance_ms(HOUR);
    store.begin_close();
    store.maintain().unwrap();
    assert!(tier_blocks(&store).iter().all(|tier| tier.1 == 0));
    assert_eq!(
        store.block_list().len(),
        blocks.len() + 1,
        "memory went to a block, and no block was compacted"
    );
    store.close().unwrap();
    drop(store);
    let store = fixture.open();
    maintained(&store);
    assert!(tier_blocks(&store).iter().all(|tier| tier.1 > 0));
}
