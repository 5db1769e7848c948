//! The service desk: tickets that no single asset causes, and the words of all tickets.
//!
//! Knows texts and planted problems, nothing of hidden states or files.

use crate::SimParams;
use crate::asset::Asset;
use crate::calendar::{DAY_SECONDS, Day, berlin_offset, civil};
use crate::catalog::{Kind, REGIME, ROLLOUTS, SITES};
use crate::chance::{Chance, Purpose};
use crate::life::{Subject, Ticket, busy, desk_ticket};

/// What a ticket says.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) category: &'static str,
    pub(crate) subcategory: &'static str,
    pub(crate) group: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) close_code: &'static str,
}

/// How often a planted problem comes.
#[derive(Debug)]
enum Course {
    Steady,
    /// From almost nothing to this many times the mean rate at the end.
    Grows(f64),
    Shrinks,
    /// After the bad patch, for two months.
    AfterPatch,
    /// The last three and first two days of a month.
    MonthEnd,
}

/// A recurring problem with its wordings.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) key: &'static str,
    category: &'static str,
    subcategory: &'static str,
    group: &'static str,
    kind: Option<Kind>,
    site: Option<usize>,
    /// Mean number of tickets a day for 500 assets.
    rate: f64,
    course: Course,
    titles: &'static [&'static str],
    texts: &'static [&'static str],
}

pub(crate) static PROBLEMS: [Problem; 9] = [
    Problem {
        key: "vpn_drops",
        category: "Network",
        subcategory: "VPN",
        group: "Network",
        kind: Some(Kind::Laptop),
        site: None,
        rate: 0.20,
        course: Course::Grows(2.6),
        titles: &[
            "VPN connection drops after a few minutes",
            "VPN bricht ständig ab",
            "Secure client disconnects in home office",
            "VPN tunnel lost again and again",
            "Verbindung zum VPN reißt ab",
        ],
        texts: &[
            "The tunnel drops every {n} minutes and has to be reconnected by hand.",
            "Im Homeoffice trennt der VPN-Client nach {n} Minuten die Verbindung.",
            "Since this week the client says \"reconnecting\" and all shares are gone.",
        ],
    },
    Problem {
        key: "outlook_search",
        category: "Software",
        subcategory: "E-Mail",
        group: "Workplace",
        kind: Some(Kind::Laptop),
        site: None,
        rate: 0.14,
        course: Course::Steady,
        titles: &[
            "Outlook search finds nothing",
            "Outlook Suche liefert keine Treffer",
            "Mail search index broken",
            "Search in mailbox returns no results",
        ],
        texts: &[
            "Searching for a mail of last week gives no results although it is in the inbox.",
            "Die Suche im Postfach zeigt nur Mails, die älter als {n} Tage sind.",
            "Index was rebuilt once already, problem came back.",
        ],
    },
    Problem {
        key: "print_queue_stuck",
        category: "Software",
        subcategory: "Printing",
        group: "Workplace",
        kind: Some(Kind::Printer),
        site: None,
        rate: 0.16,
        course: Course::Steady,
        titles: &[
            "Print job stuck in queue",
            "Druckauftrag hängt in der Warteschlange",
            "Printer queue does not move",
            "Spooler hangs, nobody can print",
        ],
        texts: &[
            "{n} jobs wait in the queue, deleting them does not help.",
            "Alle Aufträge bleiben mit Status \"Wird gedruckt\" stehen.",
            "Restarting the spooler helps for an hour.",
        ],
    },
    Problem {
        key: "dock_not_recognised",
        category: "Hardware",
        subcategory: "Docking station",
        group: "Field Service",
        kind: Some(Kind::Laptop),
        site: None,
        rate: 0.12,
        course: Course::Grows(2.2),
        titles: &[
            "Docking station not recognised after standby",
            "Dockingstation wird nach Standby nicht erkannt",
            "Monitors stay black on dock",
            "External screens not detected at docking station",
        ],
        texts: &[
            "After standby both external monitors stay black until the dock is unplugged.",
            "Nach dem Aufwachen gehen Bildschirme und Tastatur am Dock nicht.",
            "Unplugging the dock for {n} seconds helps.",
        ],
    },
    Problem {
        key: "meeting_audio",
        category: "Software",
        subcategory: "Conferencing",
        group: "Workplace",
        kind: Some(Kind::Laptop),
        site: None,
        rate: 0.10,
        course: Course::AfterPatch,
        titles: &[
            "No microphone in meetings since the update",
            "Headset ohne Ton in Besprechungen",
            "Audio device missing in conference app",
            "Colleagues cannot hear me in calls",
        ],
        texts: &[
            "Since the last Windows update the headset is not offered as a device.",
            "Nach dem Update ist das Mikrofon in der Konferenz stumm.\nNeustart hilft nicht.",
            "Works in the browser, not in the app.",
        ],
    },
    Problem {
        key: "wlan_goerlitz",
        category: "Network",
        subcategory: "WLAN",
        group: "Network",
        kind: Some(Kind::Laptop),
        site: Some(5),
        rate: 0.10,
        course: Course::Grows(2.0),
        titles: &[
            "WLAN in Görlitz drops",
            "Wireless very slow, building B Görlitz",
            "Kein WLAN im 2. Stock",
            "WLAN bricht im Besprechungsraum ab",
        ],
        texts: &[
            "In meeting room {n} the wireless network is lost every few minutes.",
            "Im zweiten Stock ist das WLAN kaum nutzbar, Kabel geht.",
            "Signal is full, but no address is assigned.",
        ],
    },
    Problem {
        key: "mfa_loop",
        category: "Access",
        subcategory: "Login",
        group: "Service Desk",
        kind: None,
        site: None,
        rate: 0.16,
        course: Course::Shrinks,
        titles: &[
            "MFA prompt appears in a loop",
            "Authenticator fragt ständig nach Bestätigung",
            "Login loop with second factor",
            "Second factor not accepted",
        ],
        texts: &[
            "The code is accepted and then asked for again, {n} times in a row.",
            "Nach Eingabe des Codes erscheint wieder die Anmeldeseite.",
            "New phone, token was moved, login loops since.",
        ],
    },
    Problem {
        key: "erp_slow_month_end",
        category: "Software",
        subcategory: "ERP",
        group: "Applications",
        kind: None,
        site: None,
        rate: 0.16,
        course: Course::MonthEnd,
        titles: &[
            "ERP very slow at month end",
            "ERP Buchung dauert minutenlang",
            "Posting in ERP times out",
            "Monatsabschluss: ERP reagiert nicht",
        ],
        texts: &[
            "Posting a document takes {n} minutes, then a timeout.",
            "Beim Abschluss läuft die Auswertung nicht durch.",
            "All of accounting is affected.",
        ],
    },
    Problem {
        key: "battery_swollen",
        category: "Hardware",
        subcategory: "Battery",
        group: "Field Service",
        kind: Some(Kind::Laptop),
        site: None,
        rate: 0.06,
        course: Course::Grows(2.8),
        titles: &[
            "Battery is swollen, touchpad lifted",
            "Akku aufgebläht",
            "Laptop does not lie flat, battery bulging",
            "Akku drückt gegen das Touchpad",
        ],
        texts: &[
            "The case opens at the front, the battery seems to be swollen.",
            "Das Touchpad klickt nicht mehr, der Boden wölbt sich.",
            "Device was {n} months in use only.",
        ],
    },
];

struct Texts {
    subcategory: &'static str,
    titles: &'static [&'static str],
}

static FAILURES: [Texts; 5] = [
    Texts {
        subcategory: "Laptop",
        titles: &[
            "Laptop does not start any more",
            "Notebook startet nicht, schwarzer Bildschirm",
            "Device dead, no power LED",
            "Mainboard failure, cannot work",
            "Laptop nach Absturz nicht mehr bootfähig",
            "Blue screen at every boot, device unusable",
        ],
    },
    Texts {
        subcategory: "Server",
        titles: &[
            "Server down: {ci} not reachable",
            "Server {ci} ausgefallen",
            "Host crashed, uncorrectable memory error",
            "{ci} powered off unexpectedly",
            "Hardware fault on {ci}, services down",
        ],
    },
    Texts {
        subcategory: "Storage",
        titles: &[
            "Disk {ci} failed in array",
            "Festplatte {ci} ausgefallen",
            "Drive predictive failure turned into failure, {ci}",
            "RAID degraded, disk offline",
            "Disk not accessible, I/O errors",
        ],
    },
    Texts {
        subcategory: "Switch",
        titles: &[
            "Switch {ci} down",
            "Switch {ci} ausgefallen, Etage offline",
            "Access switch lost power supply",
            "All ports of {ci} dead",
        ],
    },
    Texts {
        subcategory: "Printer",
        titles: &[
            "Printer {ci} out of order",
            "Drucker defekt, Fehler 49.4C02",
            "Fuser unit failed",
            "Drucker zieht kein Papier mehr, nicht nutzbar",
        ],
    },
];

static COMPLAINTS: [Texts; 5] = [
    Texts {
        subcategory: "Laptop",
        titles: &[
            "Laptop gets slow and freezes",
            "Notebook friert immer wieder ein",
            "Fan very loud, device hot",
            "Programs crash several times a day",
            "Lüfter laut, Gerät langsam",
        ],
    },
    Texts {
        subcategory: "Server",
        titles: &[
            "Correctable memory errors reported on {ci}",
            "{ci} responds slowly at times",
            "Warnung vom Management-Controller auf {ci}",
            "Amber LED on {ci}",
        ],
    },
    Texts {
        subcategory: "Storage",
        titles: &[
            "SMART warning on {ci}",
            "Slow I/O on {ci}",
            "Einzelne Lesefehler auf {ci}",
            "Media errors logged for {ci}",
        ],
    },
    Texts {
        subcategory: "Switch",
        titles: &[
            "Port flapping on {ci}",
            "CRC errors on uplink of {ci}",
            "Sporadische Paketverluste an {ci}",
            "Fan alarm {ci}",
        ],
    },
    Texts {
        subcategory: "Printer",
        titles: &[
            "Paper jam again and again",
            "Papierstau in Fach 2",
            "Streifen auf dem Ausdruck",
            "Printer makes grinding noise",
            "Drucker zieht zwei Blätter auf einmal ein",
        ],
    },
];

static SOFTWARE: Texts = Texts {
    subcategory: "Application",
    titles: &[
        "Excel crashes when opening large file",
        "PDF lässt sich nicht öffnen",
        "License for drawing program expired",
        "Browser very slow",
        "Update failed with error 0x80070{n}",
        "Kalender zeigt falsche Zeiten",
        "Backup job failed",
        "Application does not start after update",
        "Dateien lassen sich nicht speichern",
        "Report template missing",
        "CRM login page blank",
        "Schriftart fehlt in Präsentation",
        "Antivirus blocks own tool",
        "Web shop order export empty",
    ],
};
static ACCESS: Texts = Texts {
    subcategory: "Account",
    titles: &[
        "Password forgotten",
        "Konto gesperrt",
        "No access to project folder",
        "Berechtigung für Laufwerk fehlt",
        "New colleague needs account",
        "Group membership wrong",
        "Badge does not open room {n}",
    ],
};
static NETWORK: Texts = Texts {
    subcategory: "LAN",
    titles: &[
        "Network socket {n} dead",
        "Kein Netzwerk am Arbeitsplatz",
        "Internet slow in the afternoon",
        "DNS name not resolved",
        "Firewall rule needed for test system",
        "Telefon ohne Verbindung",
        "Packet loss to branch office",
    ],
};
static REQUEST: Texts = Texts {
    subcategory: "Service request",
    titles: &[
        "Please order a second monitor",
        "Bitte Maus ersetzen",
        "Toner for the printer on floor {n}",
        "Move workplace to room {n}",
        "Headset bestellen",
        "Install statistics package",
        "Leihgerät für Messe",
        "Please set up meeting room",
    ],
};

static REMARKS: [&str; 10] = [
    "Please call back.",
    "Bitte um Rückruf.",
    "Affects the whole team.",
    "Seit heute Morgen, gestern ging es noch.",
    "Restart did not help.",
    "Danke und viele Grüße",
    "Screenshot attached.\nError code {n}.",
    "Not urgent.",
    "Tritt seit {n} Tagen auf.",
    "User is in the office until noon.",
];

/// The rate of a problem on a day, as a factor on its mean.
fn course(problem: &Problem, day: Day, start: Day, end: Day) -> f64 {
    let period = (end - start) as f64;
    let passed = (day - start) as f64 / period;
    match problem.course {
        Course::Steady => 1.0,
        Course::Grows(to) => 0.1 + (to - 0.1) * passed.powi(2),
        Course::Shrinks => 1.9 * (1.0 - passed),
        Course::AfterPatch => {
            let since = ROLLOUTS
                .iter()
                .find(|r| r.effect == crate::catalog::Effect::RaisesSoftware)
                .map_or(-1, |r| day - r.begins(start, end - start) - 5);
            if (0..70).contains(&since) { 7.0 * (1.0 - since as f64 / 80.0) } else { 0.1 }
        }
        Course::MonthEnd => {
            let (_, _, date) = civil(day);
            if date <= 2 || date >= 29 { 4.5 } else { 0.2 }
        }
    }
}

/// Tickets of planted problems, without an asset, about unknown assets, and in the hour of the clock change.
pub(crate) fn background(params: &SimParams, assets: &[Asset]) -> Vec<Ticket> {
    let mut chance = Chance::new(params.seed, Purpose::Background, 0);
    let (start, end) = (params.start(), params.end());
    let size = assets.len() as f64 / 500.0;
    let mut tickets = Vec::new();
    for day in start..end {
        let back = if (day - start) as f64 >= REGIME * (end - start) as f64 { 1.15 } else { 1.0 };
        for (number, problem) in PROBLEMS.iter().enumerate() {
            let rate = problem.rate * size * course(problem, day, start, end) * busy(day) * back;
            for _ in 0..chance.poisson(rate) {
                let asset = someone(&mut chance, problem, assets, day);
                tickets.push(desk_ticket(&mut chance, day, asset, Subject::Problem(number as u8)));
            }
        }
        for (subject, rate) in [
            (Subject::Software, 0.14),
            (Subject::Access, 0.30),
            (Subject::Network, 0.08),
            (Subject::Request, 0.20),
            (Subject::Orphan, 0.012),
        ] {
            for _ in 0..chance.poisson(rate * size * busy(day)) {
                tickets.push(desk_ticket(&mut chance, day, u32::MAX, subject));
            }
        }
        // A monitor writes through the night on which an hour comes twice.
        let midnight = day * DAY_SECONDS;
        if berlin_offset(midnight) > berlin_offset(midnight + 7200) {
            for minute in [20, 50, 70, 100] {
                let opened = midnight + minute * 60;
                let resolved = opened + 5 * 3600;
                tickets.push(Ticket {
                    opened,
                    asset: u32::MAX,
                    resolved,
                    priority: 4,
                    subject: Subject::Network,
                });
            }
        }
    }
    tickets
}

/// An asset in service that the problem may concern, or none.
fn someone(chance: &mut Chance, problem: &Problem, assets: &[Asset], day: Day) -> u32 {
    if problem.kind.is_none() || assets.is_empty() {
        return u32::MAX;
    }
    for _ in 0..60 {
        let asset = &assets[chance.below(assets.len())];
        let fits = Some(asset.kind) == problem.kind && problem.site.is_none_or(|s| s == asset.site);
        if fits && asset.installed < day && asset.retired > day {
            return asset.index as u32;
        }
    }
    u32::MAX
}

/// The words of a ticket.
pub(crate) fn words(ticket: &Ticket, asset: Option<&Asset>, chance: &mut Chance) -> Words {
    let kind = asset.map_or(Kind::Server, |a| a.kind);
    let field = match kind {
        Kind::Laptop | Kind::Printer => "Field Service",
        Kind::Server | Kind::Disk => "Server Operations",
        Kind::Switch => "Network",
    };
    let (category, group, texts, code) = match ticket.subject {
        Subject::Failure { .. } => ("Hardware", field, &FAILURES[kind.index()], "Hardware replaced"),
        Subject::Complaint => ("Hardware", field, &COMPLAINTS[kind.index()], "Solved (Workaround)"),
        Subject::Software => ("Software", "Applications", &SOFTWARE, "Solved (Permanently)"),
        Subject::Access => ("Access", "Service Desk", &ACCESS, "Solved (Permanently)"),
        Subject::Network => ("Network", "Network", &NETWORK, "Solved (Permanently)"),
        Subject::Request => ("Request", "Service Desk", &REQUEST, "Fulfilled"),
        Subject::Orphan => ("Software", "Server Operations", &SOFTWARE, "Solved (Permanently)"),
        Subject::Problem(number) => {
            let problem = &PROBLEMS[usize::from(number)];
            let title = fill(chance.pick(problem.titles), asset, chance);
            let text = if chance.happens(0.6) {
                fill(chance.pick(problem.texts), asset, chance)
            } else {
                String::new()
            };
            return Words {
                category: problem.category,
                subcategory: problem.subcategory,
                group: problem.group,
                title,
                text,
                close_code: "Solved (Workaround)",
            };
        }
    };
    let title = fill(chance.pick(texts.titles), asset, chance);
    let mut text = String::new();
    if chance.happens(0.35) {
        text = fill(chance.pick(&REMARKS), asset, chance);
        if chance.happens(0.25) {
            text = format!("{title}\n{text}");
        }
    }
    Words { category, subcategory: texts.subcategory, group, title, text, close_code: code }
}

fn fill(template: &str, asset: Option<&Asset>, chance: &mut Chance) -> String {
    let mut text = template.to_owned();
    if text.contains("{n}") {
        text = text.replace("{n}", &(2 + chance.below(28)).to_string());
    }
    if text.contains("{ci}") {
        text = text.replace("{ci}", asset.map_or("host", |a| a.id.as_str()));
    }
    text
}

/// Where a ticket without an asset comes from.
pub(crate) fn some_site(chance: &mut Chance) -> usize {
    1 + chance.below(SITES.len() - 1)
}
