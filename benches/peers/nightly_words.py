"""The names, ticket texts and config of the fleets that nightly_fleet.py makes. It does not know how often each is used,
except for the shares of kinds and categories.
"""

SITES = ["Berlin", "Hamburg", "München", "Leipzig", "Görlitz", "Frankfurt RZ1", "Frankfurt RZ2", "Köln", "Wien", "Zürich", "Lyon", "Gdańsk"]
SERVICES = ["Workplace", "ERP", "E-Mail", "Webshop", "Analytics", "File Services", "Network", "Printing", "Telephony", "Payroll", "Warehouse", "Identity"]
KINDS = [  # class, id prefix, share, wear
    ("cmdb_ci_server", "SRV", 0.30, 1.0),
    ("cmdb_ci_computer", "LAP", 0.40, 0.9),
    ("cmdb_ci_storage_device", "STO", 0.12, 1.5),
    ("cmdb_ci_ip_switch", "SWI", 0.18, 0.7),
]
MODELS = [  # kind, vendor, model, wear
    (0, "Halden", "R740", 0.7), (0, "Halden", "R640", 1.0), (0, "Norvik", "NX-2200", 2.2), (0, "Arno", "Titan 4", 1.1),
    (1, "Norvik", "X1 Slim", 0.8), (1, "Norvik", "T14", 1.0), (1, "Lumen", "Book 13", 1.9), (1, "Arno", "Latis 5", 0.9),
    (2, "Halden", "ME4024", 0.8), (2, "Lumen", "Stor 200", 1.7), (2, "Arno", "Vault 8", 1.0),
    (3, "Lumen", "C2960 48P", 0.6), (3, "Arno", "5130 EI", 1.0), (3, "Norvik", "SW-24", 2.0),
]
GROUPS = ["Applications", "Service Desk", "Field Service", "Field Service South", "Network", "Server Operations", "Storage Team", "Workplace", "Identity Team", "Telephony", "Security Operations", "Database Team"]
# category, share of the tickets that are no failure, how much wear draws them, groups, texts (subcategory, title, description)
CATEGORIES = [
    ("Hardware", 0.22, 6.0, [2, 3, 5], [
        ("Performance", "{host} gets slow and freezes", "Since {when} it stops for minutes. Room {room}."),
        ("Fan", "Lüfter von {host} sehr laut", "Gerät wird heiß, Raum {room}."),
        ("Disk", "Disk errors on {host}", "Event log shows code {code} again."),
        ("Battery", "Battery of {host} does not hold", "Runs {n} minutes on battery only."),
        ("Memory", "{host} reboots without reason", "Error {code} after the restart."),
    ]),
    ("Software", 0.20, 1.0, [0, 7], [
        ("Application", "Report template missing in {service}", "Template {code} was there {when}."),
        ("Application", "{service} very slow at month end", "All of team {n} is affected."),
        ("ERP", "ERP Buchung dauert minutenlang", "Beleg {code}, seit {when}."),
        ("Browser", "Browser very slow", "Only with pages of {service}."),
        ("Crash", "Programs crash several times a day", "Module {code}, user {user}."),
    ]),
    ("Network", 0.12, 2.5, [4], [
        ("LAN", "No network at desk {room}", "Cable was changed, still nothing."),
        ("WLAN", "WLAN bricht ab in Raum {room}", "Etwa alle {n} Minuten."),
        ("VPN", "VPN tunnel drops", "User {user}, message {code}."),
        ("LAN", "Switch port flapping on {host}", "Port {n}, {code}."),
    ]),
    ("Access", 0.12, 0.5, [8, 1], [
        ("Account", "Konto gesperrt", "Benutzer {user}, seit {when}."),
        ("Account", "Password reset for {user}", "Forgot it over the holidays."),
        ("Permission", "No access to project folder {code}", "Needed for {service}."),
        ("Permission", "Berechtigung für Laufwerk fehlt", "Laufwerk {code}, Benutzer {user}."),
    ]),
    ("Request", 0.10, 0.2, [1, 7], [
        ("Service request", "Headset bestellen", "Für {user}, Raum {room}."),
        ("Service request", "Move workplace to room {room}", "On day {n} of next month."),
        ("Service request", "New laptop for {user}", "Starts in team {n}."),
    ]),
    ("Telephony", 0.06, 0.3, [9], [
        ("Line", "Telefon ohne Verbindung", "Nebenstelle {n}, Raum {room}."),
        ("Conference", "Conference system has no sound", "Room {room}, {when}."),
        ("Mailbox", "Voice mailbox of {user} full", "Message {code}."),
    ]),
    ("Printing", 0.06, 0.3, [2, 1], [
        ("Jam", "Paper jam in printer of room {room}", "Tray {n}, again."),
        ("Queue", "Druckauftrag bleibt hängen", "Warteschlange {code}."),
        ("Toner", "Printer in {room} prints stripes", "Toner was changed {when}."),
    ]),
    ("Security", 0.04, 0.3, [10], [
        ("Phishing", "Suspicious mail received", "From sender {code}, user {user}."),
        ("Malware", "Virus warning on {host}", "File {code} in quarantine."),
        ("Certificate", "Certificate warning in {service}", "Since {when}."),
    ]),
    ("Storage", 0.04, 2.0, [6], [
        ("Volume", "Volume on {host} nearly full", "Share {code} at {n} percent."),
        ("Backup", "Backup of {host} failed", "Job {code}, exit {n}."),
        ("Snapshot", "Restore of a file for {user}", "Deleted {when}, share {code}."),
    ]),
    ("Database", 0.04, 1.0, [11, 5], [
        ("Lock", "Deadlocks in database of {service}", "Session {code}."),
        ("Job", "Nightly job of {service} did not end", "Step {n}, error {code}."),
        ("Space", "Tablespace of {service} full", "Seen on {host}, {when}."),
    ]),
]
FAILED = [
    ("Power", "{host} is dead", "No light, no fan. Room {room}. Supply swapped without effect."),
    ("Disk", "{host}: disk failed", "Controller reports {code}, slot {n}."),
    ("Mainboard", "{host} startet nicht mehr", "Fehler {code} beim Start, Raum {room}."),
    ("Memory", "{host} down after memory error", "Code {code}, bank {n}."),
    ("Cooling", "{host} switched off by heat", "Alarm {code} at {n} degrees."),
]
PRIORITIES = ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "5 - Planning"]
LEVELS = ["1 - High", "2 - Medium", "3 - Low"]
TEXTS = [(c, t) for c, kind in enumerate(CATEGORIES) for t in kind[4]] + [(0, t) for t in FAILED]

CONFIG = """# A nightly run over the fleet that benches/peers/nightly_fleet.py makes. It ends at the midnight after the newest record.

[run]
time_zone = "UTC"
out = "reports"

[assets]
path = "cmdb.csv"
preset = "servicenow"
columns = {{ retired_at = "retired" }}

[tickets]
path = "incidents.csv"
preset = "servicenow"

[[telemetry]]
path = "telemetry/*.parquet"
counters = {counters}

[[events]]
path = "changes.csv"
columns = {{ asset_id = "cmdb_ci", ts = "date", kind = "type", code = "version" }}

[failure]
from = "tickets"
where = "category = 'Hardware' AND priority <= 2"
terminal = false

[risk]
horizons_days = [7, 30, 90]
rank_by_days = 30

[capacity]
visits = {visits}
per_days = 7

[cost]
downtime_hour = 120.0
visit = 90.0
repair = 250.0
currency = "EUR"

[[counts]]
by = "group"
every = "1d"
horizon = 28

[[counts]]
by = "category"
every = "1d"
horizon = 28

[[counts]]
by = "service"
every = "1d"
horizon = 28

[[counts]]
by = "site"
every = "1d"
horizon = 28
"""
