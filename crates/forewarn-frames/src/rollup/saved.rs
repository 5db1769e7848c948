//! A roller as bytes and back: a head that is written anew every time, and closed days that are only ever added to. It
//! does not know where the bytes lie or whether they are what was written; a reader of checked bytes comes first.
//!
//! Numbers are little-endian. The head holds names, sources and open days; a part holds, for each metric, the closed days
//! that came since the part before it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::cells::{Cells, Dense, Odd, Open};
use super::names::Names;
use super::roller::{Roller, RollerSettings, Run, Seen, Source};
use crate::input::Repeats;

/// Told by the first bytes of a head and of a part.
const VERSION: u32 = 1;
/// More of anything than there can be: a length beyond is no length.
const MOST: u64 = 1 << 40;

/// How many closed days of each metric have been written, in the order of the metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written(Vec<u64>);

struct Out<'a, W: Write>(&'a mut W);

impl<W: Write> Out<'_, W> {
    fn u32(&mut self, v: u32) -> io::Result<()> {
        self.0.write_all(&v.to_le_bytes())
    }

    fn u64(&mut self, v: u64) -> io::Result<()> {
        self.0.write_all(&v.to_le_bytes())
    }

    fn text(&mut self, v: &str) -> io::Result<()> {
        self.u64(v.len() as u64)?;
        self.0.write_all(v.as_bytes())
    }

    fn column<const N: usize, T: Copy>(&mut self, all: &[T], bytes: impl Fn(T) -> [u8; N]) -> io::Result<()> {
        self.u64(all.len() as u64)?;
        let mut buffer = Vec::with_capacity(N * all.len().min(1 << 16));
        for part in all.chunks(1 << 16) {
            buffer.clear();
            for v in part {
                buffer.extend_from_slice(&bytes(*v));
            }
            self.0.write_all(&buffer)?;
        }
        Ok(())
    }
}

struct In<'a, R: Read>(&'a mut R);

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl<R: Read> In<'_, R> {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.0.read_exact(&mut out)?;
        Ok(out)
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn i64(&mut self) -> io::Result<i64> {
        Ok(i64::from_le_bytes(self.bytes()?))
    }

    fn f64(&mut self) -> io::Result<f64> {
        Ok(f64::from_le_bytes(self.bytes()?))
    }

    fn length(&mut self) -> io::Result<usize> {
        let n = self.u64()?;
        if n > MOST { Err(broken("a length that cannot be")) } else { Ok(n as usize) }
    }

    fn text(&mut self) -> io::Result<String> {
        let n = self.length()?;
        let mut out = Vec::new();
        // What a broken length asks for is not set aside before it is there.
        self.0.by_ref().take(n as u64).read_to_end(&mut out)?;
        if out.len() != n {
            return Err(broken("a text that ends early"));
        }
        String::from_utf8(out).map_err(|_| broken("a text that is none"))
    }

    /// Reads a column behind what `out` holds; gives how many values came.
    fn column<const N: usize, T>(
        &mut self,
        out: &mut Vec<T>,
        value: impl Fn([u8; N]) -> T,
    ) -> io::Result<usize> {
        let n = self.length()?;
        let mut buffer = vec![0; N << 16];
        let mut left = n;
        while left > 0 {
            let now = left.min(1 << 16);
            let part = &mut buffer[..now * N];
            self.0.read_exact(part)?;
            out.reserve(now);
            out.extend(part.chunks_exact(N).map(|b| value(b.try_into().unwrap_or([0; N]))));
            left -= now;
        }
        Ok(n)
    }
}

fn write_seen<W: Write>(out: &mut Out<'_, W>, s: &Seen) -> io::Result<()> {
    for v in [s.last_ts, s.last_at, s.first_at, s.n_raw as i64, s.n_repeats as i64] {
        out.u64(v as u64)?;
    }
    for v in [s.day as u32, s.n_today, s.from as u32, s.n_days, s.n_each] {
        out.u32(v)?;
    }
    Ok(())
}

fn read_seen<R: Read>(from: &mut In<'_, R>) -> io::Result<Seen> {
    Ok(Seen {
        last_ts: from.i64()?,
        last_at: from.i64()?,
        first_at: from.i64()?,
        n_raw: from.u64()?,
        n_repeats: from.u64()?,
        day: from.u32()? as i32,
        n_today: from.u32()?,
        from: from.u32()? as i32,
        n_days: from.u32()?,
        n_each: from.u32()?,
        slice: 0,
        row: 0,
    })
}

fn write_open<W: Write>(out: &mut Out<'_, W>, o: &Open) -> io::Result<()> {
    out.u64(o.last_at as u64)?;
    for v in [o.day as u32, o.n, o.changes, o.resets] {
        out.u32(v)?;
    }
    for v in [o.last, o.first, o.sum, o.squares, o.min, o.max, o.increase] {
        out.u64(v.to_bits())?;
    }
    Ok(())
}

fn read_open<R: Read>(from: &mut In<'_, R>) -> io::Result<Open> {
    Ok(Open {
        last_at: from.i64()?,
        day: from.u32()? as i32,
        n: from.u32()?,
        changes: from.u32()?,
        resets: from.u32()?,
        last: from.f64()?,
        first: from.f64()?,
        sum: from.f64()?,
        squares: from.f64()?,
        min: from.f64()?,
        max: from.f64()?,
        increase: from.f64()?,
    })
}

fn write_odd<W: Write>(out: &mut Out<'_, W>, o: &Odd) -> io::Result<()> {
    out.u64(o.n)?;
    out.u64(o.at as u64)?;
    out.u64(o.value.to_bits())
}

fn read_odd<R: Read>(from: &mut In<'_, R>) -> io::Result<Odd> {
    Ok(Odd { n: from.u64()?, at: from.i64()?, value: from.f64()? })
}

impl Dense {
    fn truncated(&mut self, n: usize) {
        self.n.truncate(n);
        self.mean.truncate(n);
        self.m2.truncate(n);
        self.min.truncate(n);
        self.max.truncate(n);
    }
}

impl Cells {
    fn write<W: Write>(&self, out: &mut Out<'_, W>, from: usize) -> io::Result<()> {
        out.column(&self.asset[from..], u32::to_le_bytes)?;
        out.column(&self.day[from..], i32::to_le_bytes)?;
        out.column(&self.last[from..], f64::to_le_bytes)?;
        out.column(&self.increase[from..], f64::to_le_bytes)?;
        out.column(&self.changes[from..], u32::to_le_bytes)?;
        out.column(&self.resets[from..], u32::to_le_bytes)?;
        out.u32(u32::from(self.dense.is_some()))?;
        if let Some(d) = &self.dense {
            out.column(&d.n[from..], u32::to_le_bytes)?;
            for c in [&d.mean, &d.m2, &d.min, &d.max] {
                out.column(&c[from..], f64::to_le_bytes)?;
            }
        }
        Ok(())
    }

    fn read<R: Read>(&mut self, from: &mut In<'_, R>) -> io::Result<()> {
        let before = self.last.len();
        let n = from.column(&mut self.asset, u32::from_le_bytes)?;
        let same = |m: usize| if m == n { Ok(()) } else { Err(broken("columns of unlike length")) };
        same(from.column(&mut self.day, i32::from_le_bytes)?)?;
        same(from.column(&mut self.last, f64::from_le_bytes)?)?;
        same(from.column(&mut self.increase, f64::from_le_bytes)?)?;
        same(from.column(&mut self.changes, u32::from_le_bytes)?)?;
        same(from.column(&mut self.resets, u32::from_le_bytes)?)?;
        if from.u32()? == 1 {
            let d = self.dense.get_or_insert_with(|| Dense::of_single(&self.last[..before]));
            same(from.column(&mut d.n, u32::from_le_bytes)?)?;
            for c in [&mut d.mean, &mut d.m2, &mut d.min, &mut d.max] {
                same(from.column(c, f64::from_le_bytes)?)?;
            }
        } else if let Some(d) = &mut self.dense {
            // The part was written before any day held more than one reading.
            let more = Dense::of_single(&self.last[before..]);
            d.truncated(before);
            d.n.extend(more.n);
            d.mean.extend(more.mean);
            d.m2.extend(more.m2);
            d.min.extend(more.min);
            d.max.extend(more.max);
        }
        Ok(())
    }
}

impl Roller {
    /// Writes all but the closed days. Only a roller without [`Roller::late`] assets can be written.
    ///
    /// # Errors
    ///
    /// `out` takes no more, or assets are late.
    pub fn write_head(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.late.is_empty() {
            return Err(broken("assets whose rows are out of order"));
        }
        let mut out = Out(out);
        out.u32(VERSION)?;
        out.u64(self.names.all.len() as u64)?;
        for (name, alive) in self.names.all.iter().zip(&self.names.alive) {
            out.u32(u32::from(*alive))?;
            out.text(name)?;
        }
        out.u64(self.sources.len() as u64)?;
        for s in &self.sources {
            out.u64(s.entry as u64)?;
            out.u64(s.metrics.len() as u64)?;
            for (metric, lane) in s.metrics.iter().zip(&s.lanes) {
                out.text(metric)?;
                out.u64(*lane as u64)?;
            }
            s.seen.iter().try_for_each(|seen| write_seen(&mut out, seen))?;
            out.u64(s.runs.len() as u64)?;
            for r in &s.runs {
                [r.asset, r.from as u32, r.n_days, r.n_each].into_iter().try_for_each(|v| out.u32(v))?;
            }
            out.u64(s.redone.identical)?;
            out.u64(s.redone.differing)?;
        }
        out.u64(self.lanes.len() as u64)?;
        for l in &self.lanes {
            out.text(&l.name)?;
            out.u32(u32::from(l.on_change))?;
            l.open.iter().try_for_each(|o| write_open(&mut out, o))?;
            out.u64(l.odd.len() as u64)?;
            for ((source, asset), odd) in &l.odd {
                out.u32(*source)?;
                out.u32(*asset)?;
                write_odd(&mut out, odd)?;
            }
            out.u64(l.outside.len() as u64)?;
            for (asset, odd) in &l.outside {
                out.u32(*asset)?;
                write_odd(&mut out, odd)?;
            }
        }
        Ok(())
    }

    /// Writes the closed days that are not in `written` yet; gives what is written then.
    ///
    /// # Errors
    ///
    /// `out` takes no more.
    pub fn write_part(&self, written: &Written, out: &mut impl Write) -> io::Result<Written> {
        let mut out = Out(out);
        out.u32(VERSION)?;
        out.u64(self.lanes.len() as u64)?;
        for (i, lane) in self.lanes.iter().enumerate() {
            let from = written.0.get(i).copied().unwrap_or(0) as usize;
            lane.cells.write(&mut out, from.min(lane.cells.asset.len()))?;
        }
        Ok(self.written())
    }

    /// How many closed days of each metric there are.
    #[must_use]
    pub fn written(&self) -> Written {
        Written(self.lanes.iter().map(|l| l.cells.asset.len() as u64).collect())
    }

    /// Reads a head; the closed days come with [`Roller::read_part`], in the order in which they were written.
    ///
    /// # Errors
    ///
    /// The bytes end early, or are no head of this version.
    pub fn read_head(settings: RollerSettings, from: &mut impl Read) -> io::Result<Self> {
        let mut from = In(from);
        if from.u32()? != VERSION {
            return Err(broken("another version"));
        }
        let n = from.length()?;
        let (mut all, mut alive) = (Vec::new(), Vec::new());
        for _ in 0..n {
            alive.push(from.u32()? == 1);
            all.push(from.text()?);
        }
        let mut out = Self::new(settings);
        out.names = Names::of(all, alive);
        for _ in 0..from.length()? {
            let entry = from.length()?;
            let (mut metrics, mut lanes) = (Vec::new(), Vec::new());
            for _ in 0..from.length()? {
                metrics.push(from.text()?);
                lanes.push(from.length()?);
            }
            let seen = (0..n).map(|_| read_seen(&mut from)).collect::<io::Result<_>>()?;
            let mut runs = Vec::new();
            for _ in 0..from.length()? {
                let (asset, day) = (from.u32()?, from.u32()? as i32);
                runs.push(Run { asset, from: day, n_days: from.u32()?, n_each: from.u32()? });
            }
            let redone = Repeats { identical: from.u64()?, differing: from.u64()? };
            if runs.iter().any(|r| r.asset as usize >= n) {
                return Err(broken("an asset that has no name"));
            }
            out.sources.push(Source { entry, metrics, lanes, seen, runs, redone });
        }
        for _ in 0..from.length()? {
            let name = from.text()?;
            let mut lane = out.new_lane(&name);
            lane.on_change = from.u32()? == 1;
            lane.open = (0..n).map(|_| read_open(&mut from)).collect::<io::Result<_>>()?;
            for _ in 0..from.length()? {
                let key = (from.u32()?, from.u32()?);
                lane.odd.insert(key, read_odd(&mut from)?);
            }
            let mut outside = BTreeMap::new();
            for _ in 0..from.length()? {
                outside.insert(from.u32()?, read_odd(&mut from)?);
            }
            lane.outside = outside;
            if lane.odd.keys().map(|k| k.1).chain(lane.outside.keys().copied()).any(|a| a as usize >= n) {
                return Err(broken("an asset that has no name"));
            }
            out.lanes.push(lane);
        }
        let n_lanes = out.lanes.len();
        if out.sources.iter().flat_map(|s| &s.lanes).any(|l| *l >= n_lanes) {
            return Err(broken("a metric that is not there"));
        }
        Ok(out)
    }

    /// Reads closed days behind those that were read.
    ///
    /// # Errors
    ///
    /// The bytes end early, or are no part of this version.
    pub fn read_part(&mut self, from: &mut impl Read) -> io::Result<()> {
        let mut from = In(from);
        if from.u32()? != VERSION {
            return Err(broken("another version"));
        }
        let n = from.length()?;
        if n > self.lanes.len() {
            return Err(broken("more metrics than the head holds"));
        }
        let n_assets = self.names.all.len();
        for lane in &mut self.lanes[..n] {
            let before = lane.cells.asset.len();
            lane.cells.read(&mut from)?;
            if lane.cells.asset[before..].iter().any(|a| *a as usize >= n_assets) {
                return Err(broken("an asset that has no name"));
            }
        }
        Ok(())
    }
}
