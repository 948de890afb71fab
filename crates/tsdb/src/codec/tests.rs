use proptest::prelude::*;

use super::*;

fn round_trip_values(values: &[f64], effort: Effort) -> usize {
    let mut bytes = vec![9, 9];
    encode_values(values, effort, &mut bytes);
    let mut back = vec![1.5];
    decode_values(&bytes[2..], values.len(), &mut Vec::new(), &mut back).unwrap();
    assert_eq!(back.len() - 1, values.len());
    for (i, (found, value)) in back[1..].iter().zip(values).enumerate() {
        assert_eq!(
            found.to_bits(),
            value.to_bits(),
            "value {i} {value} of {}, codec {}",
            values.len(),
            bytes[2]
        );
    }
    bytes.len() - 2
}

fn round_trip_times(times: &[i64]) -> usize {
    let mut bytes = Vec::new();
    encode_times(times, &mut bytes);
    let mut back = Vec::new();
    decode_times(&bytes, times.len(), &mut back).unwrap();
    assert_eq!(back, times);
    bytes.len()
}

fn awkward() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i32>().prop_map(f64::from),
        (-100_000i64..100_000).prop_map(|i| i as f64 / 100.0),
        Just(f64::from_bits(model::STALE_NAN_BITS)),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::NAN),
        Just(f64::MIN_POSITIVE / 2.0),
    ]
}

/// An integer as programs make values of it.
fn in_scale(scale: usize, int: i64) -> f64 {
    let v = int as f64;
    [v, v / 100.0, v / 1e9, v * 1e-3, v * 1e-2, v * 1e-6, v * 1e-9, v / 1000.0 / 1000.0][scale]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn values_keep_all_bits(values in prop::collection::vec(awkward(), 0..400)) {
        round_trip_values(&values, Effort::Fast);
        round_trip_values(&values, Effort::Thorough);
    }

    #[test]
    fn long_decimal_runs_keep_all_bits(
        start in -1_000_000i64..1_000_000,
        steps in prop::collection::vec((0i64..5_000, 0u8..40), 1_024..1_500),
        scale in 0usize..4,
    ) {
        let mut now = start;
        let values: Vec<f64> = steps.iter().map(|(step, odd)| {
            now += step;
            match odd { 0 => f64::from_bits(model::STALE_NAN_BITS), 1 => -0.0, _ => now as f64 / 10f64.powi(scale as i32) }
        }).collect();
        round_trip_values(&values, Effort::Thorough);
    }

    #[test]
    fn integers_in_every_scale_keep_all_bits(
        ints in prop::collection::vec(prop_oneof![-1_000_000i64..1_000_000_000, -(1i64 << 53)..1i64 << 53], 1..400),
        scale in 0usize..8,
        odd in any::<prop::sample::Index>(),
    ) {
        let mut values: Vec<f64> = ints.iter().map(|i| in_scale(scale, *i)).collect();
        round_trip_values(&values, Effort::Fast);
        round_trip_values(&values, Effort::Thorough);
        let at = odd.index(values.len());
        values[at] = model::stale_nan();
        round_trip_values(&values, Effort::Thorough);
    }

    #[test]
    fn long_raw_runs_keep_all_bits(values in prop::collection::vec(any::<u64>(), 1_024..1_100)) {
        let values: Vec<f64> = values.into_iter().map(f64::from_bits).collect();
        round_trip_values(&values, Effort::Thorough);
    }

    #[test]
    fn a_habit_from_other_runs_keeps_all_bits(
        kinds in prop::collection::vec(0u8..5, 1..24),
        noise in prop::collection::vec(any::<u32>(), 1_030),
    ) {
        let mut habit = Habit::default();
        for kind in kinds {
            let value = |(at, noise): (usize, &u32)| match kind {
                0 => f64::from_bits(u64::from(*noise) << 31 | 0x3ff0_0000_0000_0000),
                1 => f64::from(*noise),
                2 => (at * 4096 * (1 + *noise as usize % 3)) as f64 + 7.0,
                3 => f64::from(u32::from(at > 500 && noise % 7 == 0)),
                _ => (at as f64 * 15.0 + f64::from(noise % 100)) / 100.0,
            };
            let values: Vec<f64> = noise.iter().enumerate().map(value).collect();
            let mut bytes = Vec::new();
            encode_values_as(&values, Effort::Thorough, &mut habit, &mut bytes);
            let mut back = Vec::new();
            decode_values(&bytes, values.len(), &mut Vec::new(), &mut back).unwrap();
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&values));
        }
    }

    #[test]
    fn times_come_back(start in any::<i32>(), steps in prop::collection::vec(1i64..100_000_000, 0..400)) {
        let mut now = i64::from(start) * 1_000_000;
        let times: Vec<i64> = steps.iter().map(|s| { now += s; now }).collect();
        round_trip_times(&times);
    }

    #[test]
    fn integers_of_any_size_come_back(values in prop::collection::vec(prop_oneof![any::<i64>(), -5i64..5, Just(i64::MIN), Just(i64::MAX)], 0..600), order in 0usize..3) {
        let mut bytes = Vec::new();
        ints::encode_order(&values, order, &mut bytes);
        let mut back = Vec::new();
        ints::decode(&mut Reader::new(&bytes), values.len(), &mut back).unwrap();
        prop_assert_eq!(&back, &values);
        bytes.clear();
        back.clear();
        ints::encode(&values, &mut bytes);
        ints::decode(&mut Reader::new(&bytes), values.len(), &mut back).unwrap();
        prop_assert_eq!(back, values);
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), n in 0usize..3_000, codec in 0u8..5) {
        let mut tagged = vec![codec];
        tagged.extend_from_slice(&bytes);
        let _ = decode_values(&tagged, n, &mut Vec::new(), &mut Vec::new());
        let _ = decode_times(&bytes, n, &mut Vec::new());
    }

    #[test]
    fn a_changed_byte_never_panics(values in prop::collection::vec(awkward(), 1..300), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = Vec::new();
        encode_values(&values, Effort::Thorough, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = decode_values(&bytes, values.len(), &mut Vec::new(), &mut Vec::new());
    }
}

#[test]
fn typical_runs_are_small() {
    let steady: Vec<i64> = (0..720).map(|i| 1_700_000_000_123 + i * 10_000).collect();
    assert!(round_trip_times(&steady) < 50, "{}", round_trip_times(&steady));
    let mut gap = steady.clone();
    gap[400..].iter_mut().for_each(|t| *t += 3_600_000);
    assert!(round_trip_times(&gap) < 60, "{}", round_trip_times(&gap));
    assert!(round_trip_values(&[42.0; 720], Effort::Fast) <= 4);
    let counter: Vec<f64> = (0..720).map(|i| (1_000_000 + i * 100 + (i * 37) % 16) as f64).collect();
    assert!(round_trip_values(&counter, Effort::Fast) < 720, "{}", round_trip_values(&counter, Effort::Fast));
    let cpu: Vec<f64> = (0..720).map(|i| (500_000 + i * 500 + (i * 7919) % 64) as f64 / 100.0).collect();
    assert!(round_trip_values(&cpu, Effort::Fast) < 900, "{}", round_trip_values(&cpu, Effort::Fast));
    let mut stale = counter.clone();
    stale[719] = model::stale_nan();
    assert!(round_trip_values(&stale, Effort::Fast) < 740);
}

#[test]
fn products_and_double_quotients_are_integers_too() {
    let run = |scale| {
        (0..720).map(|i| in_scale(scale, 1_000_000_007 + i * 1_009 + i * 7919 % 64)).collect::<Vec<_>>()
    };
    for scale in 3..8 {
        let size = round_trip_values(&run(scale), Effort::Fast);
        assert!(size < 900, "scale {scale}: {size}");
    }
}
