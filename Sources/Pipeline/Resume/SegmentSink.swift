import VideoIO

/// Cuts the frames of a gap into segments and keeps each one as soon as it is full.
///
/// A segment's frames are encoded by an encoder of their own, so that they do not depend on what was computed before
/// in the same run.
final class SegmentSink: FrameSink {
    private let store: SegmentStore
    private let gap: SegmentStore.Gap
    private let segmentFrames: Int
    private let reader: VideoReader
    private let makeEncoder: (() throws -> SegmentEncoder)?
    private let keepsNumbers: Bool
    /// Where the selection begins, known from the start; asked for here because the reader is busy later.
    private let span: SelectionSpan

    private var renderer: (any FrameRenderer)?
    private var number: Int
    private var encoder: SegmentEncoder?
    private var file: SegmentFileWriter?
    private var summary = SegmentSummary()

    /// - Parameters:
    ///   - gap: which segments the reader gives the frames of.
    ///   - video: draws and encodes the frames; nil where no video is made.
    ///   - keepsNumbers: whether an export or statistics are made.
    /// - Throws: as `SegmentFileReader`, of the segment before.
    init(
        store: SegmentStore, gap: SegmentStore.Gap, segmentFrames: Int, reader: VideoReader,
        video: ResumableJob.Video?, keepsNumbers: Bool
    ) throws {
        self.store = store
        self.gap = gap
        self.segmentFrames = segmentFrames
        self.reader = reader
        makeEncoder = video?.makeEncoder
        renderer = video?.renderer
        self.keepsNumbers = keepsNumbers
        span = reader.span
        number = gap.first
        // The renderer goes on from where the segment before left it; at the beginning it is new.
        if renderer != nil, store.summary(number - 1) != nil {
            renderer?.scaleMemory = try store.reader(of: number - 1).summary.scaleMemory
        }
    }

    func consume(_ frame: AnnotatedFrame) throws {
        let file = try file ?? begin()
        if let encoder, let picture = try renderer?.render(frame) {
            try encoder.encode(picture, at: frame.frame.outputTime) { try keep($0, in: file) }
        }
        if keepsNumbers { try file.append(.numbers(frame.numbers)) }
        summary.frames += 1
        summary.lastIndex = frame.frame.index
        if summary.frames == segmentFrames { try end(isLast: false) }
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

    private func begin() throws -> SegmentFileWriter {
        let file = try store.writer(of: number)
        encoder = try makeEncoder?()
        summary = SegmentSummary()
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
        summary.scaleMemory = renderer?.scaleMemory ?? []
        try file.finish(summary)
        store.add(number, summary)
        abandon()
        number += 1
    }

    private func keep(_ packet: VideoPacket, in file: SegmentFileWriter) throws {
        summary.packetTicks.append(packet.ptsTicks)
        try file.append(.packet(packet))
    }
}
