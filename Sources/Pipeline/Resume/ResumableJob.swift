import Base
import Glibc
import Methods
import Pixels
import VideoIO

/// A job in segments, each of which is kept as soon as it is finished: whatever ends the process, the next run of the
/// same job computes only what is missing, and several runs may each compute a share. The outputs are made of the
/// segments at the end, so that they do not depend on how many runs it took.
package struct ResumableJob {
    /// How a video is made in segments.
    package struct Video {
        /// Draws the frames from the first one on; each gap goes on from a copy of it.
        let renderer: any FrameRenderer
        /// Makes the encoder of one segment.
        let makeEncoder: () throws -> SegmentEncoder
        /// Whether the input's sound goes into it.
        let takesSound: Bool

        /// - Parameters:
        ///   - path: the output's name.
        ///   - options: of the output as a whole.
        package init(renderer: any FrameRenderer, path: String, options: WriterOptions) {
            self.renderer = renderer
            takesSound = !options.audio.isEmpty
            makeEncoder = {
                try SegmentEncoder(
                    for: path, height: renderer.outputHeight, width: renderer.outputWidth, options: options)
            }
        }
    }

    /// What the segments are joined to. Made before anything is computed, so that a bad output is found at once.
    package struct Outputs {
        /// Made for pictures of the renderer's size.
        let video: VideoWriter?
        let numbers: [any NumberSink]

        package init(video: VideoWriter?, numbers: [any NumberSink]) {
            self.video = video
            self.numbers = numbers
        }

        func finish() throws {
            try video?.finish()
            for sink in numbers { try sink.finish() }
        }

        /// Removes what was written.
        package func abandon() {
            video?.abandon()
            for sink in numbers { sink.abandon() }
        }
    }

    package let store: SegmentStore
    private let input: String
    private let readerOptions: ReaderOptions
    private let whole: AnnotationJob
    private let video: Video?
    private let keepsNumbers: Bool
    /// Which frames there are; nil where no run has had to know.
    private let outline: SelectionOutline?
    private let computation: Computation

    /// - Parameters:
    ///   - whole: the job as it would run without segments, nothing read from its reader yet but the leading frames.
    ///   - input: what its reader reads, which can be opened again.
    ///   - readerOptions: those of its reader.
    ///   - keepsNumbers: whether an export, statistics or masks are made.
    ///   - outline: of the job's plan, where it has one.
    package init(
        store: SegmentStore, whole: AnnotationJob, input: String, readerOptions: ReaderOptions, video: Video?,
        keepsNumbers: Bool, outline: SelectionOutline?, computation: Computation
    ) {
        self.store = store
        self.whole = whole
        self.input = input
        self.readerOptions = readerOptions
        self.video = video
        self.keepsNumbers = keepsNumbers
        self.outline = outline
        self.computation = computation
    }

    // MARK: Runs

    /// Computes what is missing and makes the outputs.
    ///
    /// - Parameter progress: called after each frame that was computed or drawn, with the number of frames done, the kept
    ///   ones included, and the frame's index in the source.
    /// - Returns: how many frames this run has computed.
    /// - Throws: the first error of any stage, after removing the unfinished outputs; finished segments stay.
    package func run(
        into outputs: Outputs, progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> AnnotationJob.Outcome {
        do {
            let computed = try compute(SegmentRange(), progress)
            guard !whole.stop.isRequested, try join(outputs) else {
                outputs.abandon()
                return .interrupted(frames: computed, partialPaths: [])
            }
            return .complete(frames: computed)
        } catch {
            outputs.abandon()
            throw error
        }
    }

    /// Computes what is missing of a share. What a running scale cannot draw yet, since frames before it are missing, is
    /// kept as maps.
    ///
    /// - Parameter progress: as `run`, of the share.
    package func run(
        _ share: JobShare, progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> AnnotationJob.Outcome {
        let computed = try compute(segments(of: share), progress)
        return whole.stop.isRequested
            ? .interrupted(frames: computed, partialPaths: []) : .complete(frames: computed)
    }

    /// Looks at the segments of a share that are there already.
    ///
    /// - Returns: how many frames the share has.
    package func inspect(_ share: JobShare) throws -> Int {
        let range = segments(of: share)
        try store.inspect(range)
        let frames = outline?.frames ?? 0
        return min(frames, (range.end ?? .max / store.segmentFrames) * store.segmentFrames)
            - min(frames, range.first * store.segmentFrames)
    }

    private func segments(of share: JobShare) -> SegmentRange {
        share.segments(ofFrames: outline?.frames ?? 0, segmentFrames: store.segmentFrames)
    }

    /// Which frames are not there yet, in words; nil where all are.
    package var missing: String? {
        let gaps = store.gaps()
        guard !gaps.isEmpty else { return nil }
        return gaps.map { gap in
            let first = gap.first * store.segmentFrames
            let frames = gap.count.map { count in
                let end = min(first + count * store.segmentFrames, outline?.frames ?? .max)
                return "frames \(first) to \(end - 1)"
            }
            return (frames ?? "those from frame \(first) on")
                + (gap.stage == .undrawn ? ", not drawn yet" : "")
        }.joined(separator: "; ")
    }

    private func compute(
        _ range: SegmentRange, _ progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> Int {
        // The sound is read by itself when the segments are joined.
        whole.reader.audio.close()
        defer { whole.reader.close() }
        var (done, computed) = (store.frames, 0)
        for gap in store.gaps(in: range) where !whole.stop.isRequested {
            let begun = done
            func report(_ frames: Int, _ index: Int) throws { try progress(begun + frames, index) }
            // Nil also where frames that it has to have been through are not there.
            let renderer = try video.flatMap { try store.renderer($0.renderer, before: gap.first) }
            let purpose: SegmentSink.Purpose =
                if let video, renderer == nil {
                    .keepMaps(for: video.renderer)
                } else {
                    .finish(renderer, makeEncoder: video?.makeEncoder, keepsNumbers: keepsNumbers)
                }
            if gap.stage == nil {
                try computation.checkGoesOn(with: store)
                let frames = try fill(gap, purpose, progress: report).frames
                computed += frames
                done += frames
            } else if renderer != nil {
                done += try draw(gap, purpose, progress: report).frames
            } else {
                done += store.undrawnFrames(in: gap)
            }
        }
        return computed
    }

    private func fill(
        _ gap: SegmentStore.Gap, _ purpose: SegmentSink.Purpose,
        progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> AnnotationJob.Outcome {
        let reader = try reader(of: gap)
        let sink = SegmentSink(
            store: store, gap: gap, reader: reader, outline: outline,
            origin: { [computation] _ in SegmentOrigin(computation: computation.description) }, purpose)
        return try job(gap, reader, sink, workers: whole.workers).run(progress: progress)
    }

    /// Draws maps that were kept.
    private func draw(
        _ gap: SegmentStore.Gap, _ purpose: SegmentSink.Purpose,
        progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> AnnotationJob.Outcome {
        let reader = try reader(of: gap)
        let sink = SegmentSink(
            store: store, gap: gap, reader: reader, outline: outline, origin: store.origin, purpose)
        let maps = KeptMaps(store: store, first: gap.first)
        // One worker, which takes the maps in the frames' order.
        return try job(gap, reader, sink, workers: 1, kept: maps.next).run(progress: progress)
    }

    private func job(
        _ gap: SegmentStore.Gap, _ reader: VideoReader, _ sink: SegmentSink, workers: Int,
        kept: (@Sendable () throws -> [FrameMaps])? = nil
    ) -> AnnotationJob {
        AnnotationJob(
            reader: reader, leadingFrames: gap.first == 0 ? whole.leadingFrames : [],
            recordings: whole.recordings, analysis: whole.analysis, workers: workers,
            threadsPerFrame: whole.threadsPerFrame, sinks: [sink], stop: whole.stop,
            frameLimit: gap.count.map { $0 * store.segmentFrames }, segmentFrames: store.segmentFrames,
            keptMaps: kept, meters: whole.meters)
    }

    /// A reader that begins with the gap's first frame.
    private func reader(of gap: SegmentStore.Gap) throws -> VideoReader {
        guard let position = position(of: gap.first) else { return whole.reader }
        whole.reader.close()
        var options = readerOptions
        options.keepAudio = false
        options.continuation = position
        options.index = outline?.index
        return try VideoReader.open(input, options: options)
    }

    /// Where a segment begins; nil for the beginning of the selection.
    private func position(of number: Int) -> ReaderPosition? {
        guard number > 0 else { return nil }
        if let outline { return outline.position(ofFrame: number * store.segmentFrames) }
        return store.summary(number - 1).flatMap { before in
            before.lastIndex.map {
                ReaderPosition(index: $0 + readerOptions.frames.step, startTicks: before.span.startTicks)
            }
        }
    }

    /// - Returns: whether the outputs are complete; not so where a stop was asked for.
    private func join(_ outputs: Outputs) throws -> Bool {
        try computation.checkAgree(store.computations, in: store)
        try store.beginJoining()
        let info = whole.reader.info
        let join = SegmentJoin(
            store: store, video: outputs.video, numbers: outputs.numbers, timeBase: info.timeBase,
            openSound: { span in
                guard video?.takesSound == true else { return nil }
                return try AudioReader(
                    path: input, options: readerOptions, span: span, timeBase: info.timeBase)
            }, stop: whole.stop)
        guard try join.write() else { return false }
        try outputs.finish()
        // The outputs are on the disk by now.
        store.remove()
        return true
    }
}

/// The maps of undrawn segments, frame by frame.
///
/// `@unchecked Sendable`: `next` is for one thread at a time, that of the only worker.
private final class KeptMaps: @unchecked Sendable {
    private let store: SegmentStore
    private var number: Int
    private var segment: SegmentFileReader?

    init(store: SegmentStore, first: Int) {
        self.store = store
        number = first
    }

    /// The maps of the next frame.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput` where they have been damaged since they were looked at.
    func next() throws -> [FrameMaps] {
        do {
            while true {
                let segment = try segment ?? store.reader(of: number, .undrawn)
                self.segment = segment
                switch try segment.next() {
                case .numbers(let frame): return frame.maps
                case .packet: continue
                case nil: (self.segment, number) = (nil, number + 1)
                }
            }
        } catch let damage as SegmentFileReader.Damage {
            throw store.unreadable(number, damage)
        }
    }
}
