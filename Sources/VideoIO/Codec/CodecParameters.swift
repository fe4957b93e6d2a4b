import Base
import CFFmpeg

/// Owns a copy of a stream's codec parameters.
///
/// `@unchecked Sendable`: nothing writes to the copy after it is made.
final class CodecParameters: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<AVCodecParameters>

    /// - Throws: `VitvideoError` of kind `unavailable` where memory ran out.
    init(copying source: UnsafePointer<AVCodecParameters>) throws {
        guard let copy = avcodec_parameters_alloc() else {
            throw VitvideoError.outOfMemory("describe a stream")
        }
        pointer = copy
        guard avcodec_parameters_copy(copy, source) >= 0 else {
            throw VitvideoError.outOfMemory("describe a stream")
        }
    }

    deinit {
        var owned: UnsafeMutablePointer<AVCodecParameters>? = pointer
        avcodec_parameters_free(&owned)
    }
}
