import Glibc
import Pixels
import VideoIO

/// A job in segments, each of which is kept as soon as it is finished: whatever ends the process, the next run of the
/// same job computes only what is missing. The outputs are made of the segments at the end, so that they do not
/// depend on how many runs it took.
package struct ResumableJob {
    /// How a video is made in segments.
    package struct Video {
        /// Draws the frames from the first one on; each gap goes on from a copy of it.
        let renderer: any FrameRenderer
        /// Makes the encoder of one segment.
        let makeEncoder: () throws -> SegmentEncoder
        /// Writes the whole, once all segments are there.
        let writer: VideoWriter
        /// Whether the input's sound goes into it.
        let takesSound: Bool

        /// - Parameters:
        ///   - writer: made for pictures of the renderer's size.
        ///   - options: those that the writer was made with.
        package init(renderer: any FrameRenderer, writer: VideoWriter, options: WriterOptions) {
            self.renderer = renderer
            self.writer = writer
            takesSound = !options.audio.isEmpty
            makeEncoder = {
                try SegmentEncoder(
                    for: writer.path, height: renderer.outputHeight, width: renderer.outputWidth,
                    options: options)
            }
        }

        /// As those of a `FrameSink`.
        package var temporaryPaths: [String] { writer.temporaryPaths }
    }

    private let store: SegmentStore
    private let segmentFrames: Int
    private let input: String
    private let readerOptions: ReaderOptions
    private let whole: AnnotationJob
    private let video: Video?
    private let numbers: [any NumberSink]

    /// - Parameters:
    ///   - whole: the job as it would run without segments, nothing read from its reader yet but the leading frames.
    ///   - input: what its reader reads, which can be opened again.
    ///   - readerOptions: those of its reader.
    package init(
        store: SegmentStore, segmentFrames: Int, whole: AnnotationJob, input: String,
        readerOptions: ReaderOptions, video: Video?, numbers: [any NumberSink]
    ) {
        self.store = store
        self.segmentFrames = segmentFrames
        self.whole = whole
        self.input = input
        self.readerOptions = readerOptions
        self.video = video
        self.numbers = numbers
    }

    /// - Parameter progress: called after each frame that was computed, with the number of frames done, the kept ones
    ///   included, and the frame's index in the source.
    /// - Returns: how many frames this run has computed.
    /// - Throws: the first error of any stage, after removing the unfinished outputs; finished segments stay.
    package func run(progress: (_ frames: Int, _ index: Int) throws -> Void) throws -> AnnotationJob.Outcome {
        // The sound is read by itself when the segments are joined.
        whole.reader.audio.close()
        do {
            let kept = store.frames
            var computed = 0
            for gap in store.gaps where !whole.stop.isRequested {
                computed += try fill(gap) { frames, index in
                    try progress(kept + computed + frames, index)
                }.frames
            }
            whole.reader.close()
            guard !whole.stop.isRequested, try join() else {
                abandon()
                return .interrupted(frames: computed, partialPaths: [])
            }
            return .complete(frames: computed)
        } catch {
            abandon()
            throw error
        }
    }

    private func fill(
        _ gap: SegmentStore.Gap, progress: (_ frames: Int, _ index: Int) throws -> Void
    ) throws -> AnnotationJob.Outcome {
        let reader = try reader(of: gap)
        let sink = try SegmentSink(
            store: store, gap: gap, segmentFrames: segmentFrames, reader: reader,
            video: video, keepsNumbers: !numbers.isEmpty)
        let job = AnnotationJob(
            reader: reader, leadingFrames: gap.first == 0 ? whole.leadingFrames : [],
            recordings: whole.recordings, analysis: whole.analysis, workers: whole.workers,
            threadsPerFrame: whole.threadsPerFrame, sinks: [sink], stop: whole.stop,
            frameLimit: gap.count.map { $0 * segmentFrames }, meters: whole.meters)
        return try job.run(progress: progress)
    }

    /// A reader that begins with the gap's first frame.
    private func reader(of gap: SegmentStore.Gap) throws -> VideoReader {
        guard let before = store.summary(gap.first - 1), let last = before.lastIndex else {
            return whole.reader
        }
        whole.reader.close()
        var options = readerOptions
        options.keepAudio = false
        options.continuation = ReaderPosition(
            index: last + options.frames.step, startTicks: before.span.startTicks)
        return try VideoReader.open(input, options: options)
    }

    /// - Returns: whether the outputs are complete; not so where a stop was asked for.
    private func join() throws -> Bool {
        try store.beginJoining()
        let info = whole.reader.info
        let join = SegmentJoin(
            store: store, video: video?.writer, numbers: numbers, timeBase: info.timeBase,
            openSound: { span in
                guard video?.takesSound == true else { return nil }
                return try AudioReader(
                    path: input, options: readerOptions, span: span, timeBase: info.timeBase)
            }, stop: whole.stop)
        guard try join.write() else { return false }
        try video?.writer.finish()
        for sink in numbers { try sink.finish() }
        // The outputs are on the disk by now.
        store.remove()
        return true
    }

    private func abandon() {
        video?.writer.abandon()
        for sink in numbers { sink.abandon() }
    }
}
