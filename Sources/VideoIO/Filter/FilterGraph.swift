import Base
import CFFmpeg

/// Owns one libavfilter graph with one video input and one output.
///
/// The time base is 1 s; timestamps pass unchanged, so the caller may use any numbers.
final class FilterGraph {
    private let library: FilterLibrary
    private let graph: UnsafeMutablePointer<AVFilterGraph>
    private let input: UnsafeMutablePointer<AVFilterContext>
    private let output: UnsafeMutablePointer<AVFilterContext>

    /// - Parameter description: a chain in ffmpeg's filter syntax.
    /// - Throws: `VitvideoError` of kind `unavailable` where libavfilter is not there, this FFmpeg lacks a filter, or a
    ///   filter refuses the picture.
    init(_ description: String, size: PictureSize, format: AVPixelFormat, threads: Int) throws {
        let library = try FilterLibrary.shared()
        self.library = library
        guard let graph = library.allocateGraph() else { throw VitvideoError.outOfMemory("filter frames") }
        graph.pointee.nb_threads = Int32(clamping: max(0, threads))
        do {
            (input, output) = try MediaLog.listening { lastError in
                func check(_ code: Int32) throws {
                    guard code < 0 else { return }
                    throw VitvideoError.ffmpeg(
                        .unavailable, cannot: "filter frames",
                        reason: lastError() ?? "'\(description)' was refused",
                        code: code)
                }
                var source: UnsafeMutablePointer<AVFilterContext>?
                var sink: UnsafeMutablePointer<AVFilterContext>?
                let layout =
                    "video_size=\(size.width)x\(size.height):pix_fmt=\(format.rawValue):time_base=1/1:pixel_aspect=1/1"
                try check(
                    library.createFilter(
                        &source, library.filterByName("buffer"), "in", layout, nil, graph))
                try check(
                    library.createFilter(
                        &sink, library.filterByName("buffersink"), "out", nil, nil, graph))
                guard let source, let sink else { throw VitvideoError.outOfMemory("filter frames") }

                var outputs = library.allocateEnds()
                var inputs = library.allocateEnds()
                defer {
                    library.freeEnds(&outputs)
                    library.freeEnds(&inputs)
                }
                // "Outputs" are those of the part of the graph that exists: ours feeds the chain.
                outputs?.pointee.name = av_strdup("in")
                outputs?.pointee.filter_ctx = source
                inputs?.pointee.name = av_strdup("out")
                inputs?.pointee.filter_ctx = sink
                try check(library.parseGraph(graph, description, &inputs, &outputs, nil))
                try check(library.configureGraph(graph, nil))
                return (source, sink)
            }
        } catch {
            var owned: UnsafeMutablePointer<AVFilterGraph>? = graph
            library.freeGraph(&owned)
            throw error
        }
        self.graph = graph
    }

    deinit {
        var owned: UnsafeMutablePointer<AVFilterGraph>? = graph
        library.freeGraph(&owned)
    }

    /// Sends a frame, which stays the caller's too, or `nil` for the end.
    /// - Throws: `VitvideoError` of kind `unavailable`.
    func push(_ frame: FrameHandle?) throws {
        let code = library.addFrame(input, frame?.frame, Int32(AV_BUFFERSRC_FLAG_KEEP_REF))
        guard code >= 0 else {
            throw VitvideoError.ffmpeg(
                .unavailable, cannot: "filter frames", reason: "a filter refused a frame", code: code)
        }
    }

    /// The next frame that is ready; `nil` where the graph needs more or is at its end.
    /// - Throws: `VitvideoError` of kind `unavailable`.
    func pull() throws -> FrameHandle? {
        let handle = try FrameHandle()
        let code = library.getFrame(output, handle.frame)
        switch code {
        case 0...: return handle
        case FFmpegCode.tryAgain, FFmpegCode.endOfFile: return nil
        default:
            throw VitvideoError.ffmpeg(
                .unavailable, cannot: "filter frames", reason: "a filter failed", code: code)
        }
    }
}
