//! Groups of texts as a caller meets them: what they hold, and that no text stops them.

use super::*;

fn groups(texts: &[&str]) -> TextGroups {
    let texts: Vec<Vec<&str>> = texts.iter().map(|t| vec![*t]).collect();
    TextGroups::fit(&Lexicon::default().bags(&texts), &TextGroupsParams::default()).unwrap()
}

/// Two titles and two descriptions of each problem; no two titles share a word, but each meets both descriptions.
const WORDINGS: [[&str; 4]; 4] = [
    ["vpn tunnel drops", "verbindung reißt ab", "client reconnects at home", "alle laufwerke weg"],
    ["printer queue stuck", "druckauftrag hängt", "jobs wait forever", "spooler neu gestartet"],
    ["battery swollen", "akku aufgebläht", "touchpad lifted", "boden wölbt sich"],
    ["login loop", "anmeldung im kreis", "code asked again", "zweiter faktor abgelehnt"],
];

#[test]
fn wordings_that_share_company_are_one_group() {
    let texts: Vec<String> = (0..160)
        .map(|i| {
            let w = WORDINGS[i % 4];
            format!("{} {}", w[i / 4 % 2], ["", w[2], w[3]][i / 8 % 3])
        })
        .collect();
    let g = groups(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(g.n_groups(), 4);
    for (i, text) in texts.iter().enumerate() {
        assert_eq!(g.group_of(i), Some((i % 4) as u32), "{text}");
        assert!(g.closeness(i) > 0.0);
    }
    assert_eq!(g.group_of(160), None);
}

#[test]
fn any_text_gives_an_answer() {
    let long = "lorem ipsum dolor ".repeat(60_000);
    let none: &[&[&str]] = &[&[], &[""], &["one"], &["123 456"; 50], &["", "", "a", "1"], &[&long]];
    for texts in none {
        let g = groups(texts);
        assert_eq!(g.n_groups(), 0);
        assert_eq!(g.assign(&vec![(0, 1)]), None);
    }
    let same = groups(&["printer"; 30]);
    assert_eq!((same.n_groups(), same.group_of(29)), (1, Some(0)));
    let mixed: Vec<&str> = (0..40)
        .map(|i| ["принтер не печатает", "プリンター 故障", "ตัว พิมพ์ เสีย", "printer defekt"][i % 4])
        .collect();
    assert_eq!(groups(&mixed).n_groups(), 4);
    assert_eq!(groups(&[long.as_str(); 6]).n_groups(), 1);
}

#[test]
fn a_parameter_out_of_range_is_named() {
    let p = TextGroupsParams { dims: 0, ..Default::default() };
    assert_eq!(TextGroups::fit(&[], &p).unwrap_err().to_string(), "dims: found 0, allowed is 1 to 1000");
    let p = TextGroupsParams { resolution: f64::NAN, ..Default::default() };
    assert!(TextGroups::fit(&[], &p).is_err());
}

#[test]
fn the_same_at_any_number_of_threads() {
    let texts: Vec<String> = (0..4000_usize)
        .map(|i| {
            let w =
                |k: usize| ["disk", "mail", "badge", "phone", "scanner", "vpn", "excel"][(i * k + i / 7) % 7];
            format!("{} {} {}x{}", w(3), w(5), w(2), ["a", "b", "c", "d"][i % 4])
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let with = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| {
            let g = groups(&texts);
            (0..texts.len()).map(|i| (g.group_of(i), g.closeness(i).to_bits())).collect::<Vec<_>>()
        })
    };
    assert_eq!(with(1), with(3));
}
