import Base
import CFFmpeg
import Pixels

/// Where reading a selection starts: at the first frame of the file, or at a key frame far ahead.
struct RangeStart {
    let plan: SelectionPlan
    let position: RangeSeeker.Position
    /// The exact number of frames of the file, where it became known.
    let frameCount: Int?

    /// Skips shorter than this are decoded through.
    private static let shortSkipFrames = 64
    private static let shortSkipMicroseconds: Int64 = 2_000_000

    /// Finds the start of a selection once the first frame of the file is decoded.
    ///
    /// - Parameters:
    ///   - firstIndex: frames before this one are not wanted, even if selected.
    ///   - index: of the whole file, where it is known already.
    ///   - beginning: the session after its first frame.
    /// - Throws: `VitvideoError`: `badData` where the selection is empty, `usage` where its ends count from
    ///   the end of a stream.
    static func locate(
        _ selection: FrameSelection, from firstIndex: Int, of stream: StreamInfo, seeker: RangeSeeker,
        index known: FrameIndex?, beginning: RangeSeeker.Position
    ) throws -> RangeStart {
        var search = Search(
            stream: stream, seeker: seeker, firstIndex: firstIndex, known: known, position: beginning)
        func start(_ rule: SelectionPlan.Rule, frameCount: Int? = nil) -> RangeStart {
            RangeStart(
                plan: SelectionPlan(rule: rule, origin: stream.origin, firstIndex: firstIndex),
                position: search.position, frameCount: frameCount)
        }
        switch selection.range {
        case .all:
            try search.skip(toFrame: firstIndex)
            return start(.all)
        case .time(let from, let end):
            if firstIndex > 0 {
                try search.skip(toFrame: firstIndex)
            } else if stream.canSeek, from >= shortSkipMicroseconds {
                let plan = SelectionPlan(rule: .time(start: from, end: end), origin: stream.origin)
                if let ticks = plan.startTicks(stream.timeBase) { try search.skip(toTicks: ticks) }
            }
            return start(.time(start: from, end: end))
        case .slice(let from, let stop, let step):
            var index: FrameIndex?
            var count: Int?
            let needsCount = from < 0 || stop ?? 0 < 0
            if needsCount { (index, count) = try search.countFrames(for: selection) }
            guard let slice = ResolvedSlice(start: from, stop: stop, step: step, count: count),
                !slice.isEmpty, count.map({ slice.first < $0 }) ?? true
            else { throw try search.emptySelection(selection, count: count) }
            try search.skip(toFrame: max(slice.first, firstIndex), by: index, mayScan: !needsCount)
            return start(.slice(slice), frameCount: count)
        }
    }

    /// The search for the start, and how far the file is decoded meanwhile.
    private struct Search {
        let stream: StreamInfo
        let seeker: RangeSeeker
        let firstIndex: Int
        let known: FrameIndex?
        var position: RangeSeeker.Position

        /// Decodes a few frames more, for comparison with the scan; they are kept.
        mutating func decodeLeadingFrames() throws {
            var met: [AudioPacket] = []
            try seeker.decodeLeadingFrames(of: position.session, into: &position.decoded) { met.append($0) }
            position.packets += met
        }

        /// The times of the file's frames as far as `goal`; nil where they cannot be known without decoding.
        mutating func index(until goal: FrameIndex.Goal) throws -> FrameIndex? {
            if let known { return known }
            try decodeLeadingFrames()
            return try seeker.index(until: goal, leadingFrames: position.decoded)
        }

        /// Goes to a frame by its number, where that is worth it and possible.
        ///
        /// - Parameters:
        ///   - known: an index of the whole file, where there is one.
        ///   - mayScan: whether to make an index otherwise.
        mutating func skip(toFrame number: Int, by known: FrameIndex? = nil, mayScan: Bool = true) throws {
            guard number > RangeStart.shortSkipFrames, stream.canSeek else { return }
            var index = known
            if index == nil, mayScan { index = try self.index(until: .frame(number)) }
            guard let index else { return }
            // Where all frames have been delivered, the last one shows that there are no more.
            let target = number == firstIndex ? min(number, index.pts.count - 1) : number
            if target < index.pts.count, let there = try seeker.position(atFrame: target, in: index) {
                position = there
            }
        }

        /// Goes to the first frame at or after a time, where that is possible.
        mutating func skip(toTicks time: Int64) throws {
            guard let index = try index(until: .time(time)) else { return }
            let target = index.firstFrame(atOrAfter: time)
            if target < index.pts.count, target >= RangeSeeker.framesCompared,
                let there = try seeker.position(atFrame: target, in: index)
            {
                position = there
            }
        }

        /// The number of frames of the file, and the index where there is one.
        mutating func countFrames(for selection: FrameSelection) throws -> (FrameIndex?, Int) {
            guard stream.canReopen else {
                throw VitvideoError(
                    .usage, cannot: "select \(selection.description) of", path: seeker.source.path,
                    reason: "frames cannot be counted from the end of a stream",
                    nextStep: .advice("save it to a file first, or use numbers from 0 on"))
            }
            let index = try index(until: .end)
            return (index, try index?.pts.count ?? seeker.countFrames())
        }

        func emptySelection(_ selection: FrameSelection, count: Int?) throws -> VitvideoError {
            let total =
                if let count { String(count) } else if stream.canReopen {
                    String(try seeker.countFrames())
                } else { "an unknown number of" }
            return VitvideoError(
                .badData, cannot: "select \(selection.description) of", path: seeker.source.path,
                reason: "there are \(total) frames, none of them in this range")
        }
    }
}
