//! No room, no right to write, input that goes away.
