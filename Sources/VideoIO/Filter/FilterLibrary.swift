import Base
import CFFmpeg

/// libavfilter, opened with the first frame to filter: it brings more libraries along than the rest of FFmpeg, an OpenBLAS
/// among them, and most commands have nothing to filter.
final class FilterLibrary: Sendable {
    let allocateGraph: cff_avfilter_graph_alloc
    let freeGraph: cff_avfilter_graph_free
    let filterByName: cff_avfilter_get_by_name
    let createFilter: cff_avfilter_graph_create_filter
    let allocateEnds: cff_avfilter_inout_alloc
    let freeEnds: cff_avfilter_inout_free
    let parseGraph: cff_avfilter_graph_parse_ptr
    let configureGraph: cff_avfilter_graph_config
    let addFrame: cff_av_buffersrc_add_frame_flags
    let getFrame: cff_av_buffersink_get_frame

    /// The process's one instance.
    ///
    /// - Throws: `VitvideoError` of kind `unavailable`.
    static func shared() throws -> FilterLibrary { try instance.get() }

    private static let instance = Result<FilterLibrary, VitvideoError> { () throws(VitvideoError) in
        do throws(DynamicLibrary.Missing) {
            return try FilterLibrary()
        } catch {
            throw VitvideoError(
                .unavailable, cannot: "load FFmpeg's filters", reason: error.reason,
                nextStep: .advice("install libavfilter"))
        }
    }

    private init() throws(DynamicLibrary.Missing) {
        let library = try DynamicLibrary(String(cString: cff_avfilter_file()))
        allocateGraph = try library.function("avfilter_graph_alloc", as: cff_avfilter_graph_alloc.self)
        freeGraph = try library.function("avfilter_graph_free", as: cff_avfilter_graph_free.self)
        filterByName = try library.function("avfilter_get_by_name", as: cff_avfilter_get_by_name.self)
        createFilter = try library.function(
            "avfilter_graph_create_filter", as: cff_avfilter_graph_create_filter.self)
        allocateEnds = try library.function("avfilter_inout_alloc", as: cff_avfilter_inout_alloc.self)
        freeEnds = try library.function("avfilter_inout_free", as: cff_avfilter_inout_free.self)
        parseGraph = try library.function(
            "avfilter_graph_parse_ptr", as: cff_avfilter_graph_parse_ptr.self)
        configureGraph = try library.function("avfilter_graph_config", as: cff_avfilter_graph_config.self)
        addFrame = try library.function(
            "av_buffersrc_add_frame_flags", as: cff_av_buffersrc_add_frame_flags.self)
        getFrame = try library.function("av_buffersink_get_frame", as: cff_av_buffersink_get_frame.self)
    }
}
