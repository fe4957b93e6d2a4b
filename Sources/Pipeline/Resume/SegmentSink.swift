import Base
import Pixels
import VideoIO

/// How the maps of a segment came about.
struct SegmentOrigin {
    /// What they were computed with.
    let computation: String
    /// Of each source, what its frames took over from one another; empty as long as they are to come.
    var reuse: [ReuseTally] = []
}

/// Cuts the frames of a gap into segments and keeps each one as soon as it is full.
///
/// A segment's frames are encoded by an encoder of their own, so that they do not depend on what was computed before
/// in the same run.
final class SegmentSink: FrameSink {
    /// What is made of the frames.
    enum Purpose {
        /// Finished segments; the renderer is where it has been through all frames before.
        case finish((any FrameRenderer)?, makeEncoder: (() throws -> SegmentEncoder)?, keepsNumbers: Bool)
        /// Segments to be drawn later, by such a renderer.
        case keepMaps(for: any FrameRenderer)
    }

    private let store: SegmentStore
    private let gap: SegmentStore.Gap
    private let reader: VideoReader
    private let origin: (_ number: Int) -> SegmentOrigin
    private let stage: SegmentStage
    private let makeEncoder: (() throws -> SegmentEncoder)?
    private let keepsNumbers: Bool
    /// Which frames are to come; nil where nothing is known of them beforehand.
    private let outline: SelectionOutline?
    /// Where the selection begins, known from the start; asked for here because the reader is busy later.
    private let span: SelectionSpan

    private var renderer: (any FrameRenderer)?
    private var number: Int
    private var encoder: SegmentEncoder?
    private var file: SegmentFileWriter?
    private var summary = SegmentSummary()

    /// - Parameters:
    ///   - gap: which segments the reader gives the frames of.
    ///   - origin: how the maps of a segment come about, or came.
    init(
        store: SegmentStore, gap: SegmentStore.Gap, reader: VideoReader, outline: SelectionOutline?,
        origin: @escaping (_ number: Int) -> SegmentOrigin, _ purpose: Purpose
    ) {
        self.store = store
        self.gap = gap
        self.reader = reader
        self.outline = outline
        self.origin = origin
        switch purpose {
        case .finish(let renderer, let makeEncoder, let keepsNumbers):
            stage = .finished
            (self.renderer, self.makeEncoder, self.keepsNumbers) = (renderer, makeEncoder, keepsNumbers)
        case .keepMaps(let renderer):
            stage = .undrawn
            (self.renderer, makeEncoder, keepsNumbers) = (renderer, nil, true)
        }
        span = reader.span
        number = gap.first
    }

    func consume(_ frame: AnnotatedFrame) throws {
        try checkPlace(of: frame.frame)
        let file = try file ?? begin()
        if stage == .undrawn, let renderer {
            summary.ranges.append(
                FrameRanges(timeSeconds: frame.frame.time.seconds, values: renderer.ranges(of: frame.maps)))
        } else if let encoder, let picture = try renderer?.render(frame) {
            try encoder.encode(picture, at: frame.frame.outputTime) { try keep($0, in: file) }
        }
        if keepsNumbers { try file.append(.numbers(frame.numbers)) }
        summary.reuse.add(frame.reuse)
        summary.frames += 1
        summary.firstIndex = summary.firstIndex ?? frame.frame.index
        summary.lastIndex = frame.frame.index
        if summary.frames == store.segmentFrames { try end(isLast: false) }
    }

    /// Keeps what there is as the last segment, where the clip ended before the gap did.
    func finish() throws {
        guard gap.count.map({ number < gap.first + $0 }) ?? true else { return }
        if file == nil { _ = try begin() }
        try end(isLast: true)
    }

    /// A segment that is not full is not kept.
    func finishPartial() throws -> [String] {
        abandon()
        return []
    }

    func abandon() {
        file = nil
        encoder = nil
    }

    var temporaryPaths: [String] { [] }

    /// Holds a frame against the plan: segments that others compute begin and end where that says.
    private func checkPlace(of frame: VideoFrame) throws {
        guard let outline else { return }
        let place = file == nil ? 0 : summary.frames
        let expected = outline.index(ofFrame: number * store.segmentFrames + place)
        let times = outline.index?.pts ?? []
        let planned = expected < times.count ? times[expected] : frame.time.ptsTicks
        guard frame.index == expected, frame.time.ptsTicks == planned else {
            throw VitvideoError(
                .badData,
                reason:
                    "frame \(expected) is not where the input says that it is, so that it cannot be shared out",
                nextStep: .withoutShares)
        }
    }

    private func begin() throws -> SegmentFileWriter {
        let file = try store.writer(of: number, stage)
        encoder = try makeEncoder?()
        let origin = origin(number)
        summary = SegmentSummary(computation: origin.computation, reuse: origin.reuse)
        self.file = file
        return file
    }

    private func end(isLast: Bool) throws {
        guard let file else { return }
        if summary.frames > 0 { try encoder?.finish { try keep($0, in: file) } }
        summary.isLast = isLast
        // The reader is at rest only after its last frame.
        summary.span = isLast ? reader.span : span
        summary.reorderDepth = max(
            encoder?.reorderDepth ?? 0, DecodingTimes.depth(of: summary.packetTicks))
        if stage == .finished { summary.scaleMemory = renderer?.scaleMemory ?? [] }
        try file.finish(summary)
        try store.add(number, summary, stage)
        abandon()
        number += 1
    }

    private func keep(_ packet: VideoPacket, in file: SegmentFileWriter) throws {
        summary.packetTicks.append(packet.ptsTicks)
        try file.append(.packet(packet))
    }
}
