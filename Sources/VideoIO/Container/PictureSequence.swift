import Base
import Pixels

/// The selected pictures of a numbered sequence, each one a file that is opened by itself.
///
/// A picture has the number of its place in the sequence, also where others before it cannot be read: those are
/// left out with a warning that names the file, and the picture before them is shown for longer.
final class PictureSequence: SelectedFrames {
    private(set) var clock: SelectionClock
    let plan: SelectionPlan
    /// Seconds per picture.
    let timeBase: Rational
    let count: Int
    /// The first picture of the sequence that can be read. It determines the size of all.
    let first: PictureFile
    private let sequence: ImageSequence
    private var opener: Opener
    private var position = 0
    private var isClosed = false
    /// The picture read last, by its place: the first one before anything is delivered.
    private var last: (index: Int, file: PictureFile)?

    /// Opens the first picture that can be read.
    /// - Throws: `VitvideoError` of kind `badData` where none can be read or the selection is empty.
    init(_ sequence: ImageSequence, options: ReaderOptions, log: WarningLog) throws {
        self.sequence = sequence
        opener = Opener(sequence: sequence, log: log)
        count = sequence.count
        let rate = options.sequenceFrameRate
        timeBase = Rational(rate.denominator, rate.numerator)
        clock = SelectionClock(continuing: options.continuation, timeBase: timeBase)
        plan = try PictureSequence.plan(options, sequence)
        let found = try opener.first()
        (first, last) = (found.file, found)
    }

    /// Opens pictures, and tells which cannot be read.
    private struct Opener {
        /// So many pictures that cannot be read are named; of the others a warning gives the number.
        private static let namedLosses = 20

        let sequence: ImageSequence
        let log: WarningLog
        private var losses = 0
        private var firstReason: String?

        init(sequence: ImageSequence, log: WarningLog) { (self.sequence, self.log) = (sequence, log) }

        /// The picture at a place; nil where it cannot be read.
        /// - Throws: `VitvideoError` of kind `unavailable` where FFmpeg lacks the decoder or memory.
        mutating func open(_ index: Int) throws -> PictureFile? {
            do {
                return try PictureFile(path: sequence.path(index))
            } catch let error as VitvideoError where error.kind != .unavailable {
                firstReason = firstReason ?? error.description
                losses += 1
                if losses <= Self.namedLosses {
                    log.add(
                        MediaWarning(.damage, "\(sequence.pattern): a picture is left out: \(error)"))
                }
                return nil
            }
        }

        /// The first picture that can be read, and its place.
        /// - Throws: `VitvideoError` of kind `badData` where there is none, and as `open`.
        mutating func first() throws -> (index: Int, file: PictureFile) {
            for index in 0..<sequence.count {
                if let file = try open(index) { return (index, file) }
            }
            throw VitvideoError(
                .badData, cannot: "read", path: sequence.pattern,
                reason: "not one of \(counted(sequence.count, "picture")) can be read (\(firstReason ?? ""))")
        }

        /// Tells how many pictures were left out besides those named.
        func tellOthers() {
            guard losses > Self.namedLosses else { return }
            log.add(
                MediaWarning(
                    .damage,
                    "\(sequence.pattern): \(counted(losses - Self.namedLosses, "more picture")) cannot be read"
                ))
        }
    }

    private static func plan(_ options: ReaderOptions, _ sequence: ImageSequence) throws -> SelectionPlan {
        let rule: SelectionPlan.Rule
        switch options.frames.range {
        case .all: rule = .all
        case .time(let start, let end): rule = .time(start: start, end: end)
        case .slice(let start, let stop, let step):
            guard let slice = ResolvedSlice(start: start, stop: stop, step: step, count: sequence.count),
                !slice.isEmpty, slice.first < sequence.count
            else {
                throw VitvideoError(
                    .badData, cannot: "select \(options.frames.description) of", path: sequence.pattern,
                    reason: "there are \(sequence.count) frames, none of them in this range")
            }
            rule = .slice(slice)
        }
        return SelectionPlan(rule: rule, origin: 0, firstIndex: options.continuation?.index ?? 0)
    }

    func next() throws -> NumberedFrame? {
        while position < count, !isClosed {
            let index = position
            let time = time(of: index)
            if plan.isPast(index: index, time: time) { return end(at: index) }
            position += 1
            guard plan.isSelected(index: index, time: time), let file = try picture(index) else { continue }
            if clock.start == nil { clock.begin(at: time, isMidway: index > 0) }
            return NumberedFrame(handle: file.handle, index: index, time: time, isSelected: true)
        }
        return end(at: count)
    }

    /// The picture at a place; nil where it cannot be read.
    private func picture(_ index: Int) throws -> PictureFile? {
        // Those before the first readable picture have been tried.
        if let last, last.index > index { return nil }
        if last?.index != index {
            guard let file = try opener.open(index) else { return nil }
            last = (index, file)
        }
        last?.file.damage.forEach(opener.log.add)
        return last?.file
    }

    private func end(at index: Int) -> NumberedFrame? {
        if position < .max {
            opener.tellOthers()
            if plan.isBounded { clock.end = time(of: index) }
        }
        position = .max
        return nil
    }

    private func time(of index: Int) -> FrameTime {
        FrameTime(ptsTicks: Int64(index), durationTicks: 1, timeBase: timeBase)
    }

    func tags(of frame: NumberedFrame) -> FrameTags? { isClosed ? nil : last?.file.tags }

    func note(changesSize: Bool) {}

    func countAll() -> Int { count }

    func outline() -> SelectionOutline? {
        SelectionOutline(of: plan, times: (0..<count).map(time), index: nil)
    }

    func packets(with frame: FrameTime) -> [AudioPacket] { [] }

    func trailingPackets() -> [AudioPacket] { [] }

    func close() {
        isClosed = true
        last = nil
    }
}
