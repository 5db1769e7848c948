//! The invented world: kinds, vendors, models, sites, services and rollouts, with every constant of the simulator.
//!
//! Vendors and models are fictional. The engine never reads this file: it has to find out from the data.

/// A kind of asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Laptop,
    Server,
    Disk,
    Switch,
    Printer,
}

/// The columns of the daily telemetry, in order.
pub(crate) const METRICS: [&str; 10] = [
    "temperature_c",
    "load_percent",
    "latency_ms",
    "corrected_errors",
    "reallocated_sectors",
    "app_crashes",
    "paper_jams",
    "pages_printed",
    "battery_health_percent",
    "disk_used_percent",
];

pub(crate) const TEMPERATURE: usize = 0;
pub(crate) const LOAD: usize = 1;
pub(crate) const LATENCY: usize = 2;
pub(crate) const ERRORS: usize = 3;
pub(crate) const REALLOCATED: usize = 4;
pub(crate) const CRASHES: usize = 5;
pub(crate) const JAMS: usize = 6;
pub(crate) const PAGES: usize = 7;
pub(crate) const BATTERY: usize = 8;
pub(crate) const DISK_USED: usize = 9;

/// A counter that runs faster as the asset degrades.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    pub(crate) metric: usize,
    /// Factor on the daily mean while healthy, worn and failing.
    pub(crate) effect: [f64; 3],
    /// Shape of the negative binomial: small is bursty.
    pub(crate) shape: f64,
}

/// What holds for a kind.
#[derive(Debug)]
pub(crate) struct KindSpec {
    pub(crate) prefix: &'static str,
    pub(crate) class: &'static str,
    pub(crate) share: f64,
    /// Daily probability that a healthy asset of the kind begins to wear, before all factors.
    pub(crate) onset: f64,
    /// Daily probability of going on from worn to failing, and from failing to failed.
    pub(crate) worsen: f64,
    pub(crate) fail: f64,
    /// Daily probability of a failure out of the blue.
    pub(crate) shock: f64,
    pub(crate) visits_per_year: f64,
    pub(crate) lifetime_years: f64,
    pub(crate) temperature: f64,
    pub(crate) load: (f64, f64),
    /// Daily complaints while healthy, worn and failing.
    pub(crate) complaints: [f64; 3],
    /// Shift of the logarithm of the latency while healthy, worn and failing; none has no latency.
    pub(crate) latency: Option<[f64; 3]>,
    pub(crate) counters: &'static [Counter],
    /// Tickets a year that have nothing to do with the state: software, access, network, request.
    pub(crate) background: [f64; 4],
}

/// A model as the inventory writes it: the same one under several names.
#[derive(Debug)]
pub(crate) struct ModelSpec {
    pub(crate) kind: Kind,
    pub(crate) vendor: &'static str,
    pub(crate) names: &'static [&'static str],
    pub(crate) share: f64,
    /// Factor on the onset of wear.
    pub(crate) quality: f64,
    /// Daily mean of each counter of the kind while healthy: vendors count in different units.
    pub(crate) scale: [f64; 2],
    /// Median latency in milliseconds.
    pub(crate) latency: f64,
    pub(crate) firmware: &'static str,
}

/// A place.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) share: f64,
    pub(crate) warmth: f64,
    pub(crate) season: f64,
    /// How readily its people write a ticket.
    pub(crate) culture: f64,
    /// Factor on shocks of servers and switches in June, July and August: thunderstorms.
    pub(crate) storms: f64,
}

/// What a rollout does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Raises the onset of wear until the fix is installed.
    BadFirmware,
    FixesBadFirmware,
    /// From here on the error counter says something about the state.
    HonestErrors,
    /// Lowers the onset of wear.
    LowersOnset,
    /// Raises software tickets for some weeks.
    RaisesSoftware,
    Nothing,
}

/// A version that is installed over some weeks.
#[derive(Debug)]
pub(crate) struct Rollout {
    /// Index of the model, or none for all of the kind.
    pub(crate) model: Option<usize>,
    pub(crate) kind: Kind,
    /// When it begins, as a share of the simulated period.
    pub(crate) begins: f64,
    /// Length in days, daily probability of installing, and share of assets that take part.
    pub(crate) days: i64,
    pub(crate) daily: f64,
    pub(crate) share: f64,
    pub(crate) effect: Effect,
    pub(crate) component: &'static str,
    pub(crate) version: &'static str,
    pub(crate) text: &'static str,
}

pub(crate) const KINDS: [Kind; 5] = [Kind::Laptop, Kind::Server, Kind::Disk, Kind::Switch, Kind::Printer];

/// Share of the period after which workloads move and people return to the offices.
pub(crate) const REGIME: f64 = 0.62;
/// Factor on the counters of a noisy asset, and the share of such assets.
pub(crate) const NOISY: f64 = 3.0;
pub(crate) const NOISY_SHARE: f64 = 0.2;
/// Daily probability that a repair ends, and that it left the cause in place.
pub(crate) const REPAIR_ENDS: f64 = 0.6;
pub(crate) const REPAIR_IMPERFECT: f64 = 0.12;
/// Probability that a visit finds and removes wear.
pub(crate) const VISIT_HEALS: f64 = 0.75;
/// Day-to-day standard deviation of the logarithm of the latency.
pub(crate) const LATENCY_SD: f64 = 0.22;
/// States of the assets that are in service when the period begins.
pub(crate) const FIRST_STATE: [f64; 3] = [0.95, 0.03, 0.02];
/// Factor on software tickets after the bad patch, and for how many days.
pub(crate) const BAD_PATCH: (f64, i64) = (3.0, 60);

pub(crate) const BAD_FIRMWARE_FACTOR: f64 = 6.0;
pub(crate) const GOOD_PATCH_FACTOR: f64 = 0.3;

impl Kind {
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn spec(self) -> &'static KindSpec {
        &KIND_SPECS[self.index()]
    }
}

static KIND_SPECS: [KindSpec; 5] = [
    KindSpec {
        prefix: "LAP",
        class: "cmdb_ci_computer",
        share: 0.40,
        onset: 0.00052,
        worsen: 0.026,
        fail: 0.042,
        shock: 0.00040,
        visits_per_year: 0.5,
        lifetime_years: 5.0,
        temperature: 41.0,
        load: (10.0, 60.0),
        complaints: [0.0016, 0.010, 0.045],
        latency: Some([0.0, 0.11, 0.32]),
        counters: &[Counter { metric: CRASHES, effect: [1.0, 3.5, 14.0], shape: 0.7 }],
        background: [1.4, 0.6, 0.25, 0.6],
    },
    KindSpec {
        prefix: "SRV",
        class: "cmdb_ci_server",
        share: 0.20,
        onset: 0.00040,
        worsen: 0.026,
        fail: 0.042,
        shock: 0.00035,
        visits_per_year: 1.6,
        lifetime_years: 6.5,
        temperature: 33.0,
        load: (25.0, 80.0),
        complaints: [0.0016, 0.008, 0.040],
        latency: Some([0.0, 0.11, 0.32]),
        counters: &[
            Counter { metric: ERRORS, effect: [1.0, 3.5, 14.0], shape: 0.7 },
            Counter { metric: CRASHES, effect: [1.0, 1.5, 4.0], shape: 0.7 },
        ],
        background: [1.0, 0.3, 0.4, 0.2],
    },
    KindSpec {
        prefix: "DSK",
        class: "cmdb_ci_storage_device",
        share: 0.22,
        onset: 0.00040,
        worsen: 0.026,
        fail: 0.042,
        shock: 0.00035,
        visits_per_year: 0.0,
        lifetime_years: 6.0,
        temperature: 34.0,
        load: (15.0, 85.0),
        complaints: [0.0008, 0.005, 0.028],
        latency: Some([0.0, 0.11, 0.32]),
        counters: &[
            Counter { metric: REALLOCATED, effect: [1.0, 3.5, 14.0], shape: 0.7 },
            Counter { metric: ERRORS, effect: [1.0, 1.5, 4.0], shape: 0.7 },
        ],
        background: [0.1, 0.0, 0.05, 0.1],
    },
    KindSpec {
        prefix: "SWI",
        class: "cmdb_ci_ip_switch",
        share: 0.08,
        onset: 0.00040,
        worsen: 0.026,
        fail: 0.042,
        shock: 0.00035,
        visits_per_year: 1.0,
        lifetime_years: 8.0,
        temperature: 36.0,
        load: (10.0, 80.0),
        complaints: [0.0012, 0.007, 0.035],
        latency: Some([0.0, 0.11, 0.32]),
        counters: &[Counter { metric: ERRORS, effect: [1.0, 3.5, 14.0], shape: 0.7 }],
        background: [0.1, 0.1, 1.6, 0.2],
    },
    KindSpec {
        prefix: "PRN",
        class: "cmdb_ci_printer",
        share: 0.10,
        onset: 0.00075,
        worsen: 0.028,
        fail: 0.042,
        shock: 0.00050,
        visits_per_year: 1.6,
        lifetime_years: 7.0,
        temperature: 30.0,
        load: (10.0, 75.0),
        complaints: [0.0030, 0.016, 0.055],
        latency: None,
        counters: &[Counter { metric: JAMS, effect: [1.0, 3.5, 14.0], shape: 0.7 }],
        background: [0.5, 0.1, 0.3, 0.5],
    },
];

macro_rules! model {
    ($kind:ident, $vendor:literal, [$($name:literal),+], $share:literal, $quality:literal, [$a:literal, $b:literal], $latency:literal, $firmware:literal) => {
        ModelSpec {
            kind: Kind::$kind,
            vendor: $vendor,
            names: &[$($name),+],
            share: $share,
            quality: $quality,
            scale: [$a, $b],
            latency: $latency,
            firmware: $firmware,
        }
    };
}

pub(crate) static MODELS: [ModelSpec; 16] = [
    model!(
        Laptop,
        "Norvik",
        ["Norvik T14 Gen 2", "NORVIK T14 G2", "T14 Gen2"],
        0.40,
        0.8,
        [0.10, 0.0],
        6.0,
        "1.14"
    ),
    model!(Laptop, "Norvik", ["Norvik X1 Slim", "NORVIK X1S"], 0.30, 1.5, [0.30, 0.0], 4.0, "1.19"),
    model!(Laptop, "Calder", ["Calder Book 5540", "Calder 5540"], 0.30, 0.9, [1.20, 0.0], 9.0, "A07"),
    model!(
        Server,
        "Halden",
        ["Halden R740", "HALDEN PowerRack R740", "R740"],
        0.45,
        1.0,
        [0.25, 0.05],
        2.5,
        "2.10"
    ),
    model!(Server, "Calder", ["Calder DX360 Gen10", "DX360 G10"], 0.35, 0.8, [4.0, 0.10], 5.0, "U41"),
    model!(Server, "Osmund", ["Osmund S220"], 0.20, 1.6, [0.60, 0.20], 3.5, "7.3"),
    model!(Disk, "Tarn", ["Tarn SX4 4TB", "TARN ST4000SX"], 0.35, 0.8, [0.08, 0.8], 7.0, "SX04"),
    model!(Disk, "Tarn", ["Tarn NX8 8TB", "ST8000NX"], 0.25, 1.2, [0.15, 3.0], 9.0, "NX11"),
    model!(Disk, "Ibex", ["Ibex Gold 4TB", "IBEX WX4005"], 0.25, 0.7, [1.50, 0.2], 5.0, "81.0"),
    model!(Disk, "Ibex", ["Ibex Flash 2TB"], 0.15, 1.8, [0.40, 12.0], 0.8, "G2K1"),
    model!(Switch, "Lumen", ["Lumen 2960-48", "LUMEN C2960 48P"], 0.55, 1.0, [0.8, 0.0], 1.2, "15.2"),
    model!(Switch, "Arno", ["Arno 5130 EI"], 0.45, 1.4, [9.0, 0.0], 0.5, "7.1"),
    model!(Printer, "Kyoma", ["Kyoma M404dn", "KYOMA LaserLine M404"], 0.40, 0.8, [0.10, 0.0], 0.0, "2.5"),
    model!(Printer, "Kyoma", ["Kyoma M507"], 0.30, 1.3, [0.30, 0.0], 0.0, "2.7"),
    model!(Printer, "Brandt", ["Brandt HL-L6400", "Brandt HLL6400DW"], 0.20, 1.0, [0.60, 0.0], 0.0, "ZC1"),
    model!(Printer, "Brandt", ["Brandt MFC-9000"], 0.10, 1.7, [0.25, 0.0], 0.0, "ZD4"),
];

pub(crate) static SITES: [Site; 6] = [
    Site { name: "Frankfurt RZ1", share: 0.0, warmth: -1.0, season: 1.0, culture: 0.9, storms: 1.0 },
    Site { name: "Berlin", share: 0.34, warmth: 0.0, season: 3.0, culture: 1.1, storms: 1.0 },
    Site { name: "Hamburg", share: 0.20, warmth: -1.0, season: 2.5, culture: 0.8, storms: 1.0 },
    Site { name: "München", share: 0.20, warmth: 1.0, season: 4.0, culture: 1.3, storms: 1.0 },
    Site { name: "Leipzig", share: 0.14, warmth: 1.5, season: 4.5, culture: 1.0, storms: 1.0 },
    Site { name: "Görlitz", share: 0.12, warmth: 2.5, season: 5.0, culture: 0.6, storms: 4.0 },
];

/// Service, criticality (1 is the most critical) and whether its workload moves at the change of regime.
pub(crate) static SERVICES: [(&str, u8, bool); 7] = [
    ("ERP", 1, true),
    ("E-Mail", 2, false),
    ("Webshop", 1, true),
    ("File Services", 3, true),
    ("Analytics", 3, false),
    ("Network", 2, false),
    ("Workplace", 4, false),
];

pub(crate) static ROLLOUTS: [Rollout; 9] = [
    Rollout {
        model: Some(6),
        kind: Kind::Disk,
        begins: 0.22,
        days: 90,
        daily: 0.04,
        share: 0.65,
        effect: Effect::BadFirmware,
        component: "firmware",
        version: "SX05",
        text: "Firmware SX05 laut Herstellerempfehlung",
    },
    Rollout {
        model: Some(6),
        kind: Kind::Disk,
        begins: 0.74,
        days: 120,
        daily: 0.03,
        share: 0.95,
        effect: Effect::FixesBadFirmware,
        component: "firmware",
        version: "SX06",
        text: "Firmware SX06, replaces SX05",
    },
    Rollout {
        model: Some(3),
        kind: Kind::Server,
        begins: 0.10,
        days: 300,
        daily: 0.010,
        share: 0.90,
        effect: Effect::HonestErrors,
        component: "firmware",
        version: "3.02",
        text: "BMC firmware 3.02",
    },
    Rollout {
        model: Some(1),
        kind: Kind::Laptop,
        begins: 0.40,
        days: 120,
        daily: 0.03,
        share: 0.80,
        effect: Effect::LowersOnset,
        component: "bios",
        version: "1.21",
        text: "BIOS 1.21: fan curve corrected",
    },
    Rollout {
        model: None,
        kind: Kind::Laptop,
        begins: 0.58,
        days: 40,
        daily: 0.08,
        share: 0.75,
        effect: Effect::RaisesSoftware,
        component: "os",
        version: "KB5051",
        text: "Cumulative update KB5051",
    },
    Rollout {
        model: None,
        kind: Kind::Laptop,
        begins: 0.30,
        days: 60,
        daily: 0.06,
        share: 0.90,
        effect: Effect::Nothing,
        component: "os",
        version: "KB4988",
        text: "Cumulative update KB4988",
    },
    Rollout {
        model: None,
        kind: Kind::Server,
        begins: 0.25,
        days: 60,
        daily: 0.06,
        share: 0.90,
        effect: Effect::Nothing,
        component: "os",
        version: "5.15.0-94",
        text: "Kernel 5.15.0-94",
    },
    Rollout {
        model: None,
        kind: Kind::Server,
        begins: 0.70,
        days: 60,
        daily: 0.06,
        share: 0.90,
        effect: Effect::Nothing,
        component: "os",
        version: "6.1.0-18",
        text: "Kernel 6.1.0-18",
    },
    Rollout {
        model: Some(11),
        kind: Kind::Switch,
        begins: 0.50,
        days: 60,
        daily: 0.05,
        share: 0.9,
        effect: Effect::Nothing,
        component: "firmware",
        version: "7.2",
        text: "Switch software 7.2",
    },
];
