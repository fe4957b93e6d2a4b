import CFFmpeg

/// The FFmpeg that the program is linked with.
package enum FFmpegLibrary {
    /// Its version: other versions may decode and encode otherwise.
    package static var version: String { String(cString: av_version_info()) }
}
