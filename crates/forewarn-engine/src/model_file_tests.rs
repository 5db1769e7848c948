//! Files of every version are read and say the same; what is damaged is refused by name, and nothing panics.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use forewarn_models::Matrix;

use super::*;
use crate::EngineError;

/// A model of the shipped fleet as version 0.1.0 wrote it before there were checksums, cut down to 28 columns, two horizons
/// and two trees each, with modes added.
const V1: &[u8] = include_bytes!("../golden/model-v1.json");
/// The same model in the format that version 0.1.0 writes.
const V2: &[u8] = include_bytes!("../golden/model-v2.json");

fn error(bytes: &[u8]) -> String {
    StoredModel::from_bytes(bytes).map_or_else(|e| e.to_string(), |m| format!("version {}", m.version))
}

/// What a model says of four rows: every number that it predicts, one horizon after the other. An error where its numbers
/// are out of range.
fn predicted(model: &StoredModel) -> Result<Vec<f64>, EngineError> {
    let n = model.file.columns.names.len();
    let cell = |i: usize, j: usize| if (i + j) % 4 == 3 { f64::NAN } else { ((i * 7 + j * 3) % 11) as f64 };
    let x = Matrix::from_columns((0..n).map(|j| (0..4).map(|i| cell(i, j)).collect()).collect()).unwrap();
    let unknown = [false, true, false, false];
    let mut out = Vec::new();
    for h in &model.file.horizons {
        let p = h.predict(&x, &unknown)?;
        out.extend([p.probability, p.low, p.high].concat());
        out.extend(p.candidates.concat());
        out.extend(h.contributions(&x)?.totals());
    }
    if let Some(modes) = &model.file.modes {
        let kinds = [Some("server"), None, Some("printer"), Some("server")];
        out.extend(modes.predict(&x, &kinds, &unknown)?.concat());
    }
    Ok(out)
}

#[test]
fn files_of_every_version_are_read_and_say_the_same() {
    let (first, second) = (StoredModel::from_bytes(V1).unwrap(), StoredModel::from_bytes(V2).unwrap());
    assert_eq!([first.version(), second.version()], [1, 2]);
    for model in [&first, &second] {
        assert_eq!(model.fitted_at().to_string(), "2026-01-01");
        assert_eq!(model.horizons().iter().map(|h| h.0).collect::<Vec<_>>(), [7, 30]);
        // What is read and written again is the file of today, byte by byte.
        assert!(model.file.to_bytes().unwrap() == V2);
    }
    let found = predicted(&second).unwrap();
    assert_eq!(found, predicted(&first).unwrap());
    assert!(found.iter().all(|v| v.is_finite()));
    // As the version that wrote the files predicted.
    assert_eq!(found[..4], FOUND_THEN);
}

const FOUND_THEN: [f64; 4] = [
    0.003_904_318_171_564_329,
    0.000_842_316_518_738_595_9,
    0.003_896_894_801_476_771,
    0.003_914_967_994_394_183,
];

#[test]
fn what_is_no_whole_model_is_named() {
    let changed = |from: &str, to: &str| {
        let text = String::from_utf8(V1.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let check = |bytes: &[u8], want: &str| {
        let found = error(bytes);
        assert!(found.starts_with(want), "{found}\n{want}");
    };
    check(V1, "version 1");
    check(V2, "version 2");
    check(b"", "is no model file: found \"\" at its start");
    check(b"PAR1", "is no model file: found \"PAR1\" at its start");
    check(&[&[0xef, 0xbb, 0xbf], V2].concat(), "is no model file");
    check(&V2[..V2.len() - 1], "is cut off or added to");
    check(&V2[..1000], "is cut off or added to: its model has ");
    check(&V2[..60], "holds no model that can be used: its head is not as it is written");
    check(&[V2, b"\n"].concat(), "is cut off or added to");
    check(&V1[..1000], "holds no model that can be used: EOF while parsing");
    check(&changed(":1,", ":3,"), "is a model file of version 3; versions 1 and 2 are read");
    check(&changed("2026-01-01", "2026-13-01"), "holds no model that can be used: fitted at \"2026-13-01\"");
    check(
        &changed("\"horizon_days\":30", "\"horizon_days\":7"),
        "holds no model that can be used: horizons of [7, 7]",
    );
    check(
        &changed("\"n_numbers\":", "\"n_numbers\":1"),
        "holds no model that can be used: 28 names of columns",
    );
    check(
        &changed("\"chosen\":", "\"chosen\":9"),
        "holds no model that can be used: 5 calibrators and candidate 9",
    );
    check(
        &changed("\"known\":1,", "\"known\":28,"),
        "holds no model that can be used: a candidate reads column 28 of 28",
    );
    check(&changed("\"left\":1,", "\"left\":2,"), "holds no model that can be used: stored model: trees");
    check(
        &changed("{\"fleet\":[0.5,", "{\"fleet\":[0.5,0.1,"),
        "holds no model that can be used: shares are not of 3 modes",
    );
    check(&changed("\"floor\":", "\"floor\":4"), "holds no model that can be used: stored model: calibrator");
    let mut damaged = V2.to_vec();
    *damaged.last_mut().unwrap() = b']';
    check(&damaged, "is cut off or added to");
    let at = damaged.len() / 2;
    let mut damaged = V2.to_vec();
    damaged[at] ^= 1;
    check(&damaged, "is damaged: the checksum of its model is ");
}

#[test]
fn no_changed_byte_goes_unnoticed_and_none_panics() {
    let mut bytes = V2.to_vec();
    for at in 0..bytes.len() {
        let was = bytes[at];
        // Every other byte where a reader looks for itself; where the checksum does, one bit low and one bit high.
        let others: Vec<u8> = if at < 120 { (0..=255).collect() } else { vec![was ^ 1, was ^ 0x40] };
        for other in others.into_iter().filter(|o| *o != was) {
            bytes[at] = other;
            let found = StoredModel::from_bytes(&bytes);
            assert!(found.is_err(), "byte {at} is {other} instead of {was}");
        }
        bytes[at] = was;
        assert!(StoredModel::from_bytes(&bytes[..at]).is_err(), "cut off at {at}");
    }
    // The first version has no checksum: what reads well is a model of other numbers, which must predict all the same.
    let mut bytes = V1.to_vec();
    let mut n_read = 0;
    for at in 0..bytes.len() {
        let was = bytes[at];
        bytes[at] ^= 1 << (at % 7);
        if let Ok(model) = StoredModel::from_bytes(&bytes) {
            n_read += 1;
            let _ = predicted(&model);
        }
        bytes[at] = was;
    }
    assert!(n_read > 1_000, "{n_read}");
}
