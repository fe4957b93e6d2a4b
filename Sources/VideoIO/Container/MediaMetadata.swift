import CFFmpeg
import Pixels

/// What a container says about its content besides the streams themselves.
package struct MediaMetadata: Sendable {
    /// A named part of the time.
    package struct Chapter: Sendable {
        /// On the clock of the frames.
        package var start: FrameTime
        package var end: FrameTime
        package var tags: [String: String]
    }

    /// Title, creation time and the like, by FFmpeg's names.
    package var tags: [String: String] = [:]
    /// Those of the video stream.
    package var videoTags: [String: String] = [:]
    /// In ascending order.
    package var chapters: [Chapter] = []

    package init() {}
}

extension MediaMetadata {
    init(_ demuxer: Demuxer, videoStream: UnsafeMutablePointer<AVStream>) {
        let context = demuxer.context.pointee
        tags = MediaMetadata.tags(context.metadata)
        videoTags = MediaMetadata.tags(videoStream.pointee.metadata)
        chapters = (0..<Int(context.nb_chapters)).compactMap { index in
            guard let chapter = context.chapters[index]?.pointee, chapter.end > chapter.start else {
                return nil
            }
            func time(_ ticks: Int64) -> FrameTime {
                FrameTime(ptsTicks: ticks, durationTicks: 0, timeBase: Rational(chapter.time_base))
            }
            return Chapter(
                start: time(chapter.start), end: time(chapter.end), tags: MediaMetadata.tags(chapter.metadata)
            )
        }
    }

    /// The same, where `origin` becomes zero.
    func counted(from origin: FrameTime) -> MediaMetadata {
        var moved = self
        moved.chapters = chapters.map { chapter in
            var chapter = chapter
            let offset = rescale(origin.ptsTicks, from: origin.timeBase, to: chapter.start.timeBase)
            chapter.start.ptsTicks -= offset
            chapter.end.ptsTicks -= offset
            return chapter
        }
        return moved
    }

    /// The same with the chapters, or parts of them, that lie between zero and `end`.
    func cut(to end: FrameTime) -> MediaMetadata {
        var cut = self
        cut.chapters = chapters.compactMap { chapter in
            var chapter = chapter
            let last = rescale(end.ptsTicks, from: end.timeBase, to: chapter.end.timeBase)
            chapter.start.ptsTicks = max(0, chapter.start.ptsTicks)
            chapter.end.ptsTicks = min(last, chapter.end.ptsTicks)
            return chapter.end.ptsTicks > chapter.start.ptsTicks ? chapter : nil
        }
        return cut
    }

    /// The entries of a dictionary of FFmpeg's that say something about the content. Others describe the file that it
    /// was read from, or count its packets.
    static func tags(_ dictionary: OpaquePointer?) -> [String: String] {
        let ofTheFile: Set = [
            "major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id",
            "rotate",
            "timecode", "duration", "bps", "number_of_frames", "number_of_bytes",
        ]
        var tags: [String: String] = [:]
        var entry = av_dict_get(dictionary, "", nil, AV_DICT_IGNORE_SUFFIX)
        while let found = entry {
            let key = String(cString: found.pointee.key)
            // Matroska's statistics may carry a language, as in BPS-eng.
            let name = key.lowercased().split(separator: "-").first.map(String.init) ?? ""
            if !ofTheFile.contains(name), !name.hasPrefix("_statistics") {
                tags[key] = String(cString: found.pointee.value)
            }
            entry = av_dict_get(dictionary, "", found, AV_DICT_IGNORE_SUFFIX)
        }
        return tags
    }

    /// Adds chapters to a container that is written.
    /// - Returns: false where memory ran out.
    static func add(_ chapters: [Chapter], to context: UnsafeMutablePointer<AVFormatContext>) -> Bool {
        guard !chapters.isEmpty else { return true }
        typealias Pointer = UnsafeMutablePointer<AVChapter>?
        guard let list = av_calloc(chapters.count, MemoryLayout<Pointer>.stride) else { return false }
        context.pointee.chapters = list.bindMemory(to: Pointer.self, capacity: chapters.count)
        for (number, chapter) in chapters.enumerated() {
            guard let memory = av_mallocz(MemoryLayout<AVChapter>.size) else { return false }
            let added = memory.bindMemory(to: AVChapter.self, capacity: 1)
            added.pointee.id = Int64(number + 1)
            added.pointee.time_base = AVRational(chapter.start.timeBase)
            added.pointee.start = chapter.start.ptsTicks
            added.pointee.end = chapter.end.ptsTicks
            set(chapter.tags, in: &added.pointee.metadata)
            context.pointee.chapters[number] = added
            context.pointee.nb_chapters += 1
        }
        return true
    }

    /// Adds entries to a dictionary of FFmpeg's.
    static func set(_ tags: [String: String], in dictionary: inout OpaquePointer?) {
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) { av_dict_set(&dictionary, key, value, 0) }
    }
}
