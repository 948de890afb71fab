use super::*;

const A: &str = "aa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";
const B: &str = "bb9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6b";

fn event(id: &str, action: &'static str, t_ms: i64) -> EngineEvent {
    EngineEvent {
        time_ns: t_ms * 1_000_000,
        id: id.to_owned(),
        action,
        name: "web".to_owned(),
        image: "img".to_owned(),
        exit_code: None,
        signal: String::new(),
        health: String::new(),
        old_name: String::new(),
    }
}

fn die(id: &str, t_ms: i64, code: i64) -> EngineEvent {
    EngineEvent { exit_code: Some(code), ..event(id, "die", t_ms) }
}

fn play(index: &mut Index, events: &[EngineEvent]) -> Vec<ContainerEvent> {
    events.iter().map(|e| index.apply_event(e, "docker", "n")).collect()
}

fn inspected(id: &str, state: ContainerState) -> ContainerFacts {
    ContainerFacts {
        id: id.to_owned(),
        name: "web".to_owned(),
        image: "img".to_owned(),
        image_digest: "sha256:0".to_owned(),
        runtime: "docker".to_owned(),
        state,
        created_ms: 1,
        ..ContainerFacts::default()
    }
}

#[test]
fn events_alone_tell_a_short_life() {
    let mut index = Index::new(10);
    let records = play(
        &mut index,
        &[
            event(A, "create", 1),
            event(A, "start", 2),
            event(A, "oom", 3),
            die(A, 4, 137),
            event(A, "destroy", 5),
        ],
    );
    let row = index.row("web").unwrap();
    assert_eq!((row.facts.exit_code, row.facts.oom_killed, row.oom_kills), (Some(137), true, 1));
    assert_eq!((row.facts.exit_reason.as_str(), row.facts.state), ("oom_killed", ContainerState::Removed));
    assert_eq!(records[3].attributes["reason"], "oom_killed");
    assert!(index.rows(false).is_empty());
    assert_eq!(index.rows(true).len(), 1);
}

#[test]
fn an_oom_of_an_earlier_life_does_not_colour_this_end() {
    let mut index = Index::new(10);
    play(
        &mut index,
        &[event(A, "start", 1), event(A, "oom", 2), die(A, 3, 137), event(A, "start", 4), die(A, 5, 1)],
    );
    let facts = &index.get(A).unwrap().facts;
    assert_eq!((facts.oom_killed, facts.exit_reason.as_str()), (false, "error"));
    assert_eq!(index.get(A).unwrap().restarts, [4]);
}

#[test]
fn a_killed_child_is_counted_but_is_not_how_the_container_ended() {
    let mut index = Index::new(10);
    play(&mut index, &[event(A, "start", 1), event(A, "oom", 2), die(A, 3, 1)]);
    let entry = index.get(A).unwrap();
    assert_eq!(
        (entry.oom_kills, entry.facts.oom_killed, entry.facts.exit_reason.as_str()),
        (1, false, "error")
    );
}

#[test]
fn who_stops_a_container_is_told_from_who_crashes() {
    let mut index = Index::new(10);
    let term = EngineEvent { signal: "15".into(), ..event(A, "kill", 2) };
    play(&mut index, &[event(A, "start", 1), term, die(A, 3, 143)]);
    assert_eq!(index.get(A).unwrap().facts.exit_reason, "stopped");
    let hup = EngineEvent { signal: "1".into(), ..event(B, "kill", 2) };
    play(&mut index, &[event(B, "start", 1), hup, die(B, 3, 143)]);
    assert_eq!(index.get(B).unwrap().facts.exit_reason, "error");
}

#[test]
fn inspect_of_the_next_life_keeps_how_the_last_one_ended() {
    let mut index = Index::new(10);
    play(&mut index, &[event(A, "start", 1), event(A, "oom", 2), die(A, 3, 137), event(A, "start", 4)]);
    let facts = ContainerFacts { finished_ms: 3, ..inspected(A, ContainerState::Running) };
    let merged = index.apply_facts(facts.clone()).unwrap();
    assert_eq!((merged.exit_code, merged.oom_killed), (Some(137), true));
    assert!(index.apply_facts(facts).is_none(), "the same again is no change");
}

#[test]
fn found_by_id_prefix_and_name() {
    let mut index = Index::new(10);
    index.apply_facts(inspected(A, ContainerState::Running));
    index.apply_facts(ContainerFacts { created_ms: 9, ..inspected(B, ContainerState::Running) });
    assert_eq!(index.find(&A[..12]).as_deref(), Some(A));
    assert_eq!(index.find(&A[..11]), None, "too short");
    assert_eq!(index.find("/web").as_deref(), Some(B), "the newest of one name");
    play(&mut index, &[event(B, "destroy", 10)]);
    assert_eq!(index.find("web").as_deref(), Some(A), "one that is there before one that is gone");
    assert_eq!(index.find("nobody"), None);
}

#[test]
fn what_the_engine_no_longer_lists_is_removed_and_the_oldest_forgotten() {
    let mut index = Index::new(2);
    for n in 0..5 {
        index.apply_facts(inspected(&format!("{n}"), ContainerState::Exited));
    }
    index.apply_facts(ContainerFacts {
        runtime: "podman".into(),
        ..inspected("other", ContainerState::Running)
    });
    let changed = index.mark_missing(&|id| id == "4", "docker", 100);
    assert_eq!(changed.len(), 4);
    assert_eq!(index.rows(false).len(), 2, "the listed one, and another engine's");
    assert_eq!(index.rows(true).len(), 4, "two removed ones are remembered");
    assert!(index.mark_missing(&|id| id == "4", "docker", 200).is_empty(), "told once");
}

#[test]
fn identities() {
    let mut index = Index::new(10);
    let facts = ContainerFacts {
        pid: 77,
        started_ms: 10,
        addresses: vec![("bridge".into(), "172.17.0.2".into())],
        compose_service: "api".into(),
        ..inspected(A, ContainerState::Running)
    };
    index.apply_facts(facts);
    let path = format!("/system.slice/docker-{A}.scope/init");
    let address: IpAddr = "172.17.0.2".parse().unwrap();
    for key in [
        IdentityKey::ContainerId(&A[..12]),
        IdentityKey::CgroupPath(&path),
        IdentityKey::Pid(77),
        IdentityKey::Ip(address),
    ] {
        let who = index.resolve(key, 20).unwrap();
        assert_eq!((who.container_id.as_str(), who.service.as_str()), (A, "api"), "{key:?}");
    }
    play(&mut index, &[die(A, 30, 0)]);
    assert!(index.resolve(IdentityKey::Ip(address), 25).is_some(), "who it was then");
    assert!(index.resolve(IdentityKey::Ip(address), 40).is_none(), "addresses are handed out again");
}

#[test]
fn a_group_without_an_engine_is_a_container_until_it_vanishes() {
    let mut index = Index::new(10);
    let made = index.attach_group(A, "/docker/x", "docker", "n", 5).unwrap();
    assert_eq!((made.name.as_str(), made.state), (&A[..12], ContainerState::Running));
    assert!(index.attach_group(A, "/docker/x", "docker", "n", 6).is_none());
    assert!(index.detach_group(A, true, 7).is_none(), "the engine will tell");
    let gone = index.detach_group(A, false, 8).unwrap();
    assert_eq!((gone.state, gone.removed_ms), (ContainerState::Removed, 8));
}

#[test]
fn restarts_of_the_past_are_recalled() {
    let mut index = Index::new(10);
    index.restore(inspected(A, ContainerState::Running));
    for (action, t) in [("start", 1), ("die", 2), ("start", 3), ("die", 4), ("start", 5)] {
        let event = ContainerEvent {
            t,
            id: A.into(),
            name: "web".into(),
            action: action.into(),
            attributes: Default::default(),
        };
        index.recall(&event);
    }
    assert_eq!(index.get(A).unwrap().restarts, [3, 5]);
}
