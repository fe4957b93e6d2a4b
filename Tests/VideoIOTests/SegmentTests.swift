import Fixtures
import Foundation
import Pixels
import Testing
import VideoIO

/// Videos encoded segment by segment, and readers that go on where others got to.
@Suite struct SegmentTests {
    /// Presentation times of uneven distance.
    private static func time(_ index: Int) -> FrameTime {
        FrameTime(
            ptsTicks: Int64(index * 400 + index % 5 * 70 + index / 7 * 1000), durationTicks: 300,
            timeBase: Rational(1, 10_000))
    }

    private static func picture(_ index: Int) -> RGBImage {
        RGBImage(
            height: 48, width: 64,
            bytes: (0..<48 * 64 * 3).map { UInt8(truncatingIfNeeded: $0 / 3 % 64 * 3 + index * 5) })
    }

    @Test(arguments: ["mp4", "mkv", "mov"], ["h264", "hevc", "mpeg4", "ffv1"])
    func joinedSegmentsAreOneVideo(container: String, codec: String) throws {
        guard codec != "ffv1" || container == "mkv" else { return }
        let scratch = try Scratch()
        let path = scratch.file("out.\(container)")
        let options = WriterOptions(
            codec: codec, frameRate: Rational(25, 1), timeBase: Rational(1, 10_000), isRepeatable: true)
        var segments: [[VideoPacket]] = []
        var depth = 0
        for frames in [0..<13, 13..<26, 26..<29] {
            let encoder = try SegmentEncoder(for: path, height: 48, width: 64, options: options)
            var packets: [VideoPacket] = []
            for index in frames {
                try encoder.encode(Self.picture(index), at: Self.time(index)) { packets.append($0) }
            }
            try encoder.finish { packets.append($0) }
            #expect(packets.first?.ptsTicks == Self.time(frames.lowerBound).ptsTicks)
            depth = max(depth, encoder.reorderDepth, DecodingTimes.depth(of: packets.map(\.ptsTicks)))
            segments.append(packets)
        }
        #expect(codec == "ffv1" || codec == "mpeg4" ? depth == 0 : depth > 0)

        let writer = try VideoWriter.create(path, height: 48, width: 64, options: options)
        var times = DecodingTimes(depth: depth, firstSegmentCount: segments[0].count)
        var decoding: [Int64] = []
        for packets in segments {
            times.begin(packets.map(\.ptsTicks))
            for var packet in packets {
                packet.dtsTicks = times.next()
                #expect(packet.dtsTicks <= packet.ptsTicks)
                decoding.append(packet.dtsTicks)
                try writer.write(packet)
            }
        }
        try writer.finish()
        #expect(zip(decoding, decoding.dropFirst()).allSatisfy { $0 < $1 })

        let whole = try readAll(path)
        #expect(whole.warnings.isEmpty)
        #expect(whole.frames.count == 29)
        // Matroska counts in milliseconds.
        let tolerance = container == "mkv" ? 0.00051 : 1e-9
        for (index, frame) in whole.frames.enumerated() {
            #expect(abs(frame.time.seconds - Self.time(index).seconds) < tolerance)
        }
    }

    @Test func picturesGiveTheirFiles() throws {
        let scratch = try Scratch()
        let path = scratch.file("f%02d.png")
        let encoder = try SegmentEncoder(for: path, height: 48, width: 64, options: WriterOptions())
        let writer = try VideoWriter.create(path, height: 48, width: 64)
        for index in 0..<3 {
            try encoder.encode(Self.picture(index), at: Self.time(index)) { try writer.write($0) }
        }
        try encoder.finish { _ in Issue.record("a picture needs no other") }
        try writer.finish()
        #expect(try scratch.contents == ["f01.png", "f02.png", "f03.png"])
        #expect(try StillImage.read(scratch.file("f03.png")) == Self.picture(2))
    }

    @Test(arguments: ["out.gif", "out.png", "out.jpg"]) func oneFileOfPicturesHasNoSegments(name: String) {
        #expect(failure { try SegmentEncoder.check(name) }?.kind == .usage)
    }

    /// The first packets have no time of a frame before to be decoded at.
    @Test func decodingTimesBeginAsMuchEarlierAsFramesAreReordered() {
        #expect(DecodingTimes.depth(of: [0, 40, 20, 10, 30]) == 2)
        #expect(DecodingTimes.depth(of: [0, 1, 2]) == 0)
        #expect(DecodingTimes.depth(of: []) == 0)
        var times = DecodingTimes(depth: 2, firstSegmentCount: 5)
        times.begin([0, 40, 20, 10, 30])
        var given = (0..<5).map { _ in times.next() }
        times.begin([100, 105])
        given += (0..<2).map { _ in times.next() }
        #expect(given == [-20, -10, 0, 10, 20, 30, 40])
        var single = DecodingTimes(depth: 2, firstSegmentCount: 1)
        single.begin([7])
        #expect(single.next() == 7)
    }

    private func selections() throws -> [FrameSelection] {
        [
            .all, try FrameSelection(slice: "20:140"), try FrameSelection(slice: "3::4"),
            try FrameSelection(slice: "-100:-7"), try FrameSelection(start: "1.1", end: "5.5"),
        ]
    }

    /// Numbers, times and pixels are those that the first reader would have given.
    @Test(arguments: RangeTests.clips)
    func aReaderGoesOnWhereAnotherGotTo(clip: RangeTests.Clip) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            clip.name, size: "96x64", frames: 150, filter: clip.filter, clip.encoding)
        for selection in try selections() { try expectContinuations(of: source, selection) }
    }

    private func expectContinuations(of source: String, _ selection: FrameSelection) throws {
        let first = try VideoReader.open(source, options: ReaderOptions(frames: selection))
        let start = first.span.startTicks
        var whole: [VideoFrame] = []
        while let frame = try first.nextFrame() { whole.append(frame) }
        // What is known without looking at a frame is what the frames show.
        let outline = try VideoReader.outline(of: source, options: ReaderOptions(frames: selection))
        #expect(outline.frames == whole.count && outline.startTicks == start)
        #expect((0..<outline.frames).map(outline.index(ofFrame:)) == whole.map(\.index))
        if let times = outline.index?.pts {
            #expect(whole.allSatisfy { times[$0.index] == $0.time.ptsTicks })
        }
        for place in [1, whole.count * 3 / 4, whole.count] {
            let position = ReaderPosition(
                index: whole[place - 1].index + selection.step, startTicks: start)
            if place < whole.count { #expect(outline.position(ofFrame: place) == position) }
            var options = ReaderOptions(frames: selection, continuation: position)
            options.index = outline.index
            let second = try VideoReader.open(source, options: options)
            var rest: [VideoFrame] = []
            while let frame = try second.nextFrame() { rest.append(frame) }
            let expected = whole[place...]
            #expect(rest.map(\.index) == expected.map(\.index))
            #expect(rest.map(\.time) == expected.map(\.time))
            #expect(rest.map(\.outputTime) == expected.map(\.outputTime))
            #expect(zip(rest, expected).allSatisfy { $0.image == $1.image })
            #expect(second.span == first.span)
        }
    }

    @Test(arguments: ["sound.mp4", "sound.mkv", "sound.ts"])
    func soundByItselfIsTheSoundOfTheFrames(name: String) throws {
        let scratch = try Scratch()
        let source = try scratch.clip(
            name, frames: 150, audio: ["-c:a", "aac"], ["-c:v", "libx264", "-bf", "2", "-g", "20"])
        for selection in try selections() {
            let options = ReaderOptions(frames: selection)
            let reader = try VideoReader.open(source, options: options)
            var expected: [AudioPacket] = []
            while let frame = try reader.nextFrame() {
                expected += reader.audio.take(upToFrame: frame.index)
            }
            try reader.readTrailingAudio()
            expected += reader.audio.takeAll()
            let sound = try AudioReader(
                path: source, options: options, span: reader.span, timeBase: reader.info.timeBase)
            var packets: [AudioPacket] = []
            while let packet = try sound.next() { packets.append(packet) }
            #expect(packets.count > 20)
            #expect(packets.map(\.ptsTicks) == expected.map(\.ptsTicks))
            #expect(packets.map(\.bytes) == expected.map(\.bytes))
        }
    }
}
