import Base
import Pixels

/// The selected pictures of a numbered sequence, each one a file that is opened by itself.
///
/// A picture has the number of its place in the sequence, also where others before it cannot be read: those are
/// left out with a warning that names the file, and the picture before them is shown for longer.
final class PictureSequence: SelectedFrames {
    /// So many pictures that cannot be read are named; of the others a warning gives the number.
    private static let namedLosses = 20

    private(set) var clock: SelectionClock
    let plan: SelectionPlan
    /// Seconds per picture.
    let timeBase: Rational
    let count: Int
    /// The first picture of the sequence that can be read. It determines the size of all.
    let first: PictureFile
    private let sequence: ImageSequence
    private let log: WarningLog
    private var position = 0
    private var isClosed = false
    private var losses = 0
    /// The picture read last, by its place: the first one before anything is delivered.
    private var last: (index: Int, file: PictureFile)?

    /// Opens the first picture that can be read.
    /// - Throws: `VitvideoError` of kind `badData` where none can be read or the selection is empty.
    init(_ sequence: ImageSequence, options: ReaderOptions, log: WarningLog) throws {
        self.sequence = sequence
        self.log = log
        count = sequence.count
        let rate = options.sequenceFrameRate
        timeBase = Rational(rate.denominator, rate.numerator)
        clock = SelectionClock(continuing: options.continuation, timeBase: timeBase)
        plan = try PictureSequence.plan(options, sequence)
        let found = try PictureSequence.firstReadable(of: sequence, log: log)
        (first, losses) = (found.file, found.index)
        last = found
    }

    private static func firstReadable(
        of sequence: ImageSequence, log: WarningLog
    ) throws -> (index: Int, file: PictureFile) {
        var reason: String?
        for index in 0..<sequence.count {
            do {
                return (index, try PictureFile(path: sequence.path(index)))
            } catch let error as VitvideoError where error.kind != .unavailable {
                reason = reason ?? error.description
                if index < namedLosses { log.add(loss(of: sequence, error)) }
            }
        }
        throw VitvideoError(
            .badData, cannot: "read", path: sequence.pattern,
            reason: "not one of \(counted(sequence.count, "picture")) can be read (\(reason ?? ""))")
    }

    private static func loss(of sequence: ImageSequence, _ error: VitvideoError) -> MediaWarning {
        MediaWarning(.damage, "\(sequence.pattern): a picture is left out: \(error)")
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

    /// The picture at a place; nil where it cannot be read, which is told.
    private func picture(_ index: Int) throws -> PictureFile? {
        if let last, last.index >= index {
            // Those before the first readable picture have been told.
            guard last.index == index else { return nil }
            last.file.damage.forEach(log.add)
            return last.file
        }
        do {
            let file = try PictureFile(path: sequence.path(index))
            file.damage.forEach(log.add)
            last = (index, file)
            return file
        } catch let error as VitvideoError where error.kind != .unavailable {
            losses += 1
            if losses <= Self.namedLosses { log.add(Self.loss(of: sequence, error)) }
            return nil
        }
    }

    private func end(at index: Int) -> NumberedFrame? {
        if position < .max, losses > Self.namedLosses {
            log.add(
                MediaWarning(
                    .damage,
                    "\(sequence.pattern): \(counted(losses - Self.namedLosses, "more picture")) cannot be read"
                ))
        }
        if position < .max, plan.isBounded { clock.end = time(of: index) }
        position = .max
        return nil
    }

    private func time(of index: Int) -> FrameTime {
        FrameTime(ptsTicks: Int64(index), durationTicks: 1, timeBase: timeBase)
    }

    func tags(of frame: NumberedFrame) -> FrameTags? { isClosed ? nil : last?.file.tags }

    func note(changesSize: Bool) {}

    func countAll() -> Int { count }

    func packets(with frame: FrameTime) -> [AudioPacket] { [] }

    func trailingPackets() -> [AudioPacket] { [] }

    func close() {
        isClosed = true
        last = nil
    }
}
