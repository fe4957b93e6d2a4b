import CFFmpeg
import Pixels

/// Decides, once the first frame is decoded, where reading goes on: there, or at a key frame far ahead.
struct HeadDecision {
    let plan: SelectionPlan
    let position: RangeSeeker.Position
    /// The exact number of frames of the file, where it became known.
    let frameCount: Int?

    /// Skips shorter than this are decoded through.
    private static let shortSkipFrames = 64
    private static let shortSkipMicroseconds: Int64 = 2_000_000
    /// So many frames at the beginning are compared with the scan before it is trusted.
    private static let framesCompared = 32

    /// - Parameter from: frames before this one are not wanted, even if selected.
    init(
        selection: FrameSelection, from: Int, seeker: RangeSeeker, session: DecodeSession,
        firstFrame: FrameHandle,
        packets: [CompressedPacket], facts: StreamFacts
    ) throws {
        var here = RangeSeeker.Position(session: session, decoded: [firstFrame], index: 0, packets: packets)
        var count: Int?
        let path = seeker.source.path

        func makePlan(_ rule: SelectionPlan.Rule) -> SelectionPlan {
            SelectionPlan(rule: rule, origin: facts.origin, firstIndex: from)
        }
        /// Decodes a few frames more, for comparison with the scan; they are kept.
        func decodeHead() throws {
            var met: [CompressedPacket] = []
            while here.decoded.count < HeadDecision.framesCompared,
                let next = try session.nextFrame(onAudio: { met.append($0) })
            {
                here.decoded.append(next)
            }
            here.packets += met
        }

        /// Goes to a frame by its number, where that is worth it and possible.
        func skip(to number: Int, by known: FrameIndex?, mayScan: Bool) throws {
            guard number > HeadDecision.shortSkipFrames, facts.canSeek else { return }
            var index = known
            if index == nil, mayScan {
                try decodeHead()
                index = try seeker.index(until: .frame(number), head: here.decoded)
            }
            guard let index else { return }
            // Where all frames have been delivered, the last one shows that there are no more.
            let target = number == from ? min(number, index.pts.count - 1) : number
            if target < index.pts.count, let there = try seeker.position(atFrame: target, in: index) {
                here = there
            }
        }

        switch selection.range {
        case .all:
            plan = makePlan(.all)
            try skip(to: from, by: nil, mayScan: true)
        case .time(let start, let end) where from > 0:
            plan = makePlan(.time(start: start, end: end))
            try skip(to: from, by: nil, mayScan: true)
        case .time(let start, _) where !facts.canSeek || start < HeadDecision.shortSkipMicroseconds:
            plan = makePlan(selection.rule)
        case .time(let start, let end):
            plan = makePlan(.time(start: start, end: end))
            try decodeHead()
            if let time = plan.startTicks(facts.timeBase),
                let index = try seeker.index(until: .time(time), head: here.decoded)
            {
                let target = index.firstFrame(atOrAfter: time)
                if target < index.pts.count, target >= HeadDecision.framesCompared,
                    let there = try seeker.position(atFrame: target, in: index)
                {
                    here = there
                }
            }
        case .slice(let start, let stop, let step):
            var index: FrameIndex?
            let needsCount = start < 0 || stop ?? 0 < 0
            if needsCount {
                guard facts.canReopen else {
                    throw VideoIOError(
                        .usage, "select \(selection.description) of", path: path,
                        reason: "frames cannot be counted from the end of a stream",
                        nextStep: "save it to a file first, or use numbers from 0 on")
                }
                try decodeHead()
                index = try seeker.index(until: .end, head: here.decoded)
                count = try index?.pts.count ?? seeker.countByDecoding()
            }
            guard let slice = ResolvedSlice(start: start, stop: stop, step: step, count: count),
                !slice.isEmpty, count.map({ slice.first < $0 }) ?? true
            else {
                let total = try count.map(String.init) ?? HeadDecision.total(seeker, facts)
                throw VideoIOError(
                    .badData, "select \(selection.description) of", path: path,
                    reason: "there are \(total) frames, none of them in this range")
            }
            plan = makePlan(.slice(slice))
            try skip(to: max(slice.first, from), by: index, mayScan: !needsCount)
        }
        position = here
        frameCount = count
    }

    private static func total(_ seeker: RangeSeeker, _ facts: StreamFacts) throws -> String {
        guard facts.canReopen else { return "an unknown number of" }
        return String(try seeker.countFrames())
    }
}

extension RangeSeeker {
    /// How many frames the file has, decoding them only where the packets do not tell.
    func countFrames() throws -> Int {
        guard source.canReopen else { return 0 }
        return try countByDecoding()
    }
}
