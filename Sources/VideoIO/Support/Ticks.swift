import CFFmpeg

/// The value that stands for "no timestamp" in FFmpeg's structures.
let noTimestamp = cff_no_timestamp()

/// Ticks where FFmpeg has a timestamp, `nil` where it has none.
func ticks(_ raw: Int64) -> Int64? { raw == noTimestamp ? nil : raw }
