import Base

/// Which frames of a video to deliver: all of them, a Python slice over the decoded frames, or a span of
/// time.
///
/// Frames are counted from 0 in the order they are shown. A span `start..<end` holds the frames whose
/// timestamp, counted from the start of the file as ffmpeg's `-ss` counts it, lies in it.
package struct FrameSelection: Sendable, Hashable, CustomStringConvertible {
    enum Range: Sendable, Hashable {
        case all
        /// `start:stop:step` with Python's meaning; negative numbers count from the end, `step` is at least
        /// 1.
        case slice(start: Int, stop: Int?, step: Int)
        /// Microseconds from the start of the file; `end` is exclusive.
        case time(start: Int64, end: Int64?)
    }

    let range: Range

    /// Every frame.
    package static let all = FrameSelection(range: .all)

    private init(range: Range) { self.range = range }

    /// A Python slice: `:50`, `100:`, `10:20`, `::10`, `-10:`.
    /// - Throws: `VitvideoError` of kind `usage` where the text is no slice or its step is not positive.
    package init(slice text: String) throws {
        func fail(_ reason: String, _ nextStep: String) -> VitvideoError {
            VitvideoError(
                .usage, cannot: "read the frame range '\(text)'", reason: reason, nextStep: .advice(nextStep))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count) else {
            if let frame = Int(text), frame >= 0 {
                throw fail("a slice has a colon", "write \(frame):\(frame + 1) for frame \(frame) alone")
            }
            throw fail("it is not A:B or A:B:STEP", "write for example :50, 100: or ::10")
        }
        let numbers = try parts.map { part -> Int? in
            let trimmed = part.filter { $0 != " " }
            if trimmed.isEmpty { return nil }
            guard let number = Int(trimmed) else {
                throw fail("'\(part)' is not a whole number", "write for example :50, 100: or ::10")
            }
            return number
        }
        let step = (numbers.count > 2 ? numbers[2] : nil) ?? 1
        guard step > 0 else { throw fail("the step must be at least 1", "video is read forwards only") }
        let (start, stop) = (numbers[0] ?? 0, numbers[1])
        range = start == 0 && stop == nil && step == 1 ? .all : .slice(start: start, stop: stop, step: step)
    }

    /// A span of time in ffmpeg's syntax: from `start` (`-ss`) until before `end` (`-to`), or for `duration`
    /// (`-t`) from `start` on. All `nil` is every frame.
    /// - Throws: `VitvideoError` of kind `usage` for malformed or negative times, an empty span, or both
    ///   `end` and `duration`.
    package init(start: String?, end: String? = nil, duration: String? = nil) throws {
        func microseconds(_ text: String?) throws -> Int64? {
            guard let text else { return nil }
            let value = try MediaTime.parseMicroseconds(text)
            guard value >= 0 else {
                throw VitvideoError(.usage, cannot: "use the time '\(text)'", reason: "it is negative")
            }
            return value
        }
        guard end == nil || duration == nil else {
            throw VitvideoError(
                .usage, cannot: "select frames", reason: "an end (-to) and a duration (-t) were both given",
                nextStep: .advice("give one of them"))
        }
        let from = try microseconds(start)
        var until = try microseconds(end)
        if let length = try microseconds(duration) {
            let (sum, overflow) = (from ?? 0).addingReportingOverflow(length)
            until = overflow ? nil : sum
        }
        if let until, until <= from ?? 0 {
            throw VitvideoError(
                .usage, cannot: "select frames",
                reason: end.map { "the span from \(start ?? "0") to \($0) is empty" }
                    ?? "the duration \(duration ?? "0") is empty")
        }
        range = from == nil && until == nil ? .all : .time(start: from ?? 0, end: until)
    }

    /// How far apart the selected frames are.
    package var step: Int {
        if case .slice(_, _, let step) = range { step } else { 1 }
    }

    package var description: String {
        switch range {
        case .all: return "all frames"
        case .slice(let start, let stop, let step):
            return FrameSelection.describe(start: start, stop: stop, step: step)
        case .time(let start, let end): return FrameSelection.describe(start: start, end: end)
        }
    }

    static func describe(start: Int, stop: Int?, step: Int) -> String {
        "frames \(start):\(stop.map(String.init) ?? "")" + (step == 1 ? "" : ":\(step)")
    }

    static func describe(start: Int64, end: Int64?) -> String {
        let text = "the span from \(Double(start) / 1_000_000) s"
        return end.map { text + " to \(Double($0) / 1_000_000) s" } ?? text + " on"
    }
}
