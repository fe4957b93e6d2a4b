import Foundation
import Testing
import VideoIO

/// Damage that FFmpeg's demuxers pass over in silence.
@Suite struct DamageTests {
    /// A block in the middle of a GIF makes its demuxer look for anything that could be a frame further on.
    @Test(arguments: [300, 900, 1_500]) func brokenBlocksOfGIFsAreTold(place: Int) throws {
        let scratch = try Scratch()
        let whole = try scratch.clip("whole.gif", size: "48x36", frames: 20, ["-pix_fmt", "rgb8"])
        #expect(try readAll(whole).warnings == [])
        var bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        try #require(bytes.count > place + 700)
        bytes.resetBytes(in: place..<place + 600)
        let broken = try scratch.write(bytes, to: "broken.gif")
        if let result = try? readAll(broken) { #expect(result.has(.damage), "\(result.warnings)") }
    }

    /// Zeros over the head of one frame's chunk: the demuxer finds the next and says nothing.
    @Test func framesThatOnlyTheIndexOfAVIsKnowsAreMissed() throws {
        let scratch = try Scratch()
        let whole = try scratch.clip("whole.avi", frames: 20, ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"])
        #expect(try readAll(whole).warnings == [])
        let places = try Probe.packets(whole, stream: "v", "pos").compactMap { Int($0) }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        bytes.resetBytes(in: places[9]..<places[9] + 1_000)
        let broken = try scratch.write(bytes, to: "broken.avi")
        let result = try readAll(broken)
        #expect(result.frames.count == 19)
        #expect(result.has(.damage), "\(result.warnings)")
    }

    /// A short file is read to its end while it is opened, where nobody asks for the demuxer's complaints.
    @Test func aGapInAShortMatroskaFileIsTold() throws {
        let scratch = try Scratch()
        let whole = try scratch.clip("whole.webm", size: "64x48", frames: 20, ["-c:v", "libvpx", "-g", "6"])
        #expect(try readAll(whole).warnings == [])
        var bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        bytes.resetBytes(in: bytes.count / 2..<bytes.count / 2 + 600)
        let broken = try scratch.write(bytes, to: "broken.webm")
        let result = try readAll(broken)
        #expect(result.frames.count < 20)
        #expect(result.has(.damage), "\(result.warnings)")
    }

    /// The duration of a file that starts late may be the time at its end: no early end.
    @Test func aLateStartIsNoDamage() throws {
        let scratch = try Scratch()
        let plain = try scratch.clip("plain.mp4", frames: 10, ["-c:v", "libx264"])
        let late = [
            try scratch.clip("late.mkv", frames: 10, ["-c:v", "ffv1", "-output_ts_offset", "500000"]),
            try scratch.ffmpeg("late.mp4", ["-itsoffset", "0.7", "-i", plain, "-c", "copy"]),
        ]
        for path in late {
            let result = try readAll(path)
            #expect(result.frames.count == 10)
            #expect(!result.has(.damage), "\(result.warnings)")
        }
    }

    /// ASF's header holds one duration for all streams, and FFmpeg adds it to the start of the last.
    @Test(arguments: [
        ("asf", "wmv2", "wmav2"), ("nut", "ffv1", "pcm_s16le"), ("avi", "mpeg4", "libmp3lame"),
        ("flv", "flv", "libmp3lame"), ("mov", "mjpeg", "pcm_s16le"), ("mkv", "ffv1", "flac"),
    ])
    func soundThatBeginsLateIsNoDamage(ending: String, video: String, audio: String) throws {
        let scratch = try Scratch()
        let late = try scratch.ffmpeg(
            "late.\(ending)",
            [
                "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-itsoffset", "3", "-f", "lavfi", "-i",
                "sine=sample_rate=44100:duration=1", "-frames:v", "100", "-c:v", video, "-c:a", audio,
            ] + (ending == "mov" ? ["-movflags", "+faststart"] : []))
        let result = try readAll(late, ReaderOptions(isStrict: true))
        #expect(result.frames.count == 100)
        #expect(!result.has(.damage), "\(result.warnings)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: late))
        let broken = try readAll(try scratch.write(bytes.prefix(bytes.count / 2), to: "broken.\(ending)"))
        #expect(broken.frames.count < 100 && broken.has(.damage), "\(broken.warnings)")
    }

    /// An edit list that ends before the media does: what it leaves out is not missing.
    @Test(arguments: ["video", "sound", "both"], ["mp4", "mov"])
    func anEarlyEndByTheEditListIsNoDamage(shortened: String, ending: String) throws {
        let scratch = try Scratch()
        let whole = try scratch.clip(
            "whole.\(ending)", frames: 50, audio: ["-c:a", "aac"],
            ["-c:v", "libx264", "-g", "10", "-movflags", "+faststart"])
        var bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        // Type, version and flags, count, and the first entry's length in milliseconds.
        var place = bytes.startIndex
        var lists: [Data.Index] = []
        while let found = bytes.range(of: Data("elst".utf8), in: place..<bytes.endIndex) {
            lists.append(found.upperBound + 8)
            place = found.upperBound
        }
        try #require(lists.count == 2)
        for (track, list) in zip(["video", "sound"], lists) where shortened == track || shortened == "both" {
            bytes.replaceSubrange(list..<list + 4, with: [0, 0, 4, 0])
        }
        let cut = try scratch.write(bytes, to: "cut.\(ending)")
        let result = try readAll(cut, ReaderOptions(isStrict: true))
        #expect(!result.has(.damage), "\(result.warnings)")
        #expect(shortened == "sound" ? result.frames.count == 50 : (26...28).contains(result.frames.count))
        #expect(try result.frames.count == Probe.frameTimes(cut).count)
        // What is missing by accident is told still.
        let broken = try scratch.write(bytes.prefix(bytes.count / 4), to: "broken.\(ending)")
        let part = try readAll(broken)
        #expect(part.frames.count < result.frames.count && part.has(.damage))
    }

    /// A list that shows a part twice.
    @Test func anEditListThatRepeatsIsNoDamage() throws {
        let scratch = try Scratch()
        let whole = try scratch.clip("whole.mp4", frames: 50, ["-c:v", "libx264", "-g", "10", "-bf", "0"])
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: whole)))
        let text = Array("elst".utf8)
        let place = try #require(bytes.indices.dropLast(4).last { Array(bytes[$0..<$0 + 4]) == text })
        // Two entries instead of one, each of 1,000 ms: the boxes around grow. The index stands at the end.
        bytes[place + 11] = 2
        let entry: [UInt8] = [0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 1, 0, 0]
        bytes.replaceSubrange(place + 12..<place + 24, with: entry + entry)
        for box in ["elst", "edts", "trak", "moov"] {
            let name = Array(box.utf8)
            let start = try #require(bytes.indices.dropLast(4).last { Array(bytes[$0..<$0 + 4]) == name }) - 4
            var size = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } + 12
            for byte in (0..<4).reversed() {
                bytes[start + byte] = UInt8(size & 255)
                size >>= 8
            }
        }
        let twice = try scratch.write(bytes, to: "twice.mp4")
        let result = try readAll(twice)
        #expect(!result.has(.damage), "\(result.warnings)")
        #expect(result.frames.count >= 50)
    }

    /// MPEG decoders drop the frame that is inside them when the next is of another size.
    @Test func framesLostAtAChangeOfSizeAreTold() throws {
        let scratch = try Scratch()
        let parts = try ["128x96", "96x64"].map { size in
            try scratch.clip("\(size).ts", size: size, frames: 12, ["-c:v", "mpeg2video", "-f", "mpegts"])
        }
        let bytes = try parts.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }.reduce(Data(), +)
        let joined = try scratch.write(bytes, to: "joined.ts")
        let result = try readAll(joined)
        #expect((20..<24).contains(result.frames.count))
        #expect(result.has(.damage), "\(result.warnings)")
    }

    /// Strict reading makes an error of what is otherwise a warning.
    @Test func strictReadingRefusesDamage() throws {
        let scratch = try Scratch()
        let whole = try scratch.clip(
            "whole.mp4", frames: 20, ["-c:v", "libx264", "-movflags", "faststart"])
        #expect(try readAll(whole, ReaderOptions(isStrict: true)).frames.count == 20)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        let cut = try scratch.write(bytes.prefix(bytes.count * 2 / 3), to: "cut.mp4")
        let lenient = try readAll(cut)
        #expect(!lenient.frames.isEmpty && lenient.has(.damage))
        let error = failure { try readAll(cut, ReaderOptions(isStrict: true)) }
        #expect(error?.kind == .badData && error?.nextStep == .leaveOutStrict)
    }

    /// Addresses are refused before anything is asked of a server.
    @Test func addressesAreRefusedUnlessAllowed() {
        let error = failure { try readAll("https://127.0.0.1:9/clip.mp4") }
        #expect(error?.kind == .noInput && error?.nextStep == .allowNetwork)
        let other = failure { try readAll("rtsp://127.0.0.1/clip", ReaderOptions(allowsNetwork: true)) }
        #expect(other?.kind == .noInput)
    }
}
