import Fixtures
import Foundation
import Methods
import Pipeline
import Pixels
import Testing
import ViT
import VideoIO

/// The color of frame n of a test clip, far enough from its neighbors' to survive compression.
func level(_ index: Int) -> UInt8 { UInt8(20 + index % 22 * 10) }

/// Writes a clip whose frames are gray, `level(n)` in frame n.
func writeClip(
    _ path: String, frames: Int, framesPerSecond: Int32, height: Int = 48, width: Int = 64
) throws {
    let options = WriterOptions(
        crf: 1, frameRate: Rational(framesPerSecond, 1), timeBase: Rational(1, framesPerSecond))
    let writer = try VideoWriter.create(path, height: height, width: width, options: options)
    for index in 0..<frames {
        try writer.write(
            RGBImage(height: height, width: width, gray: level(index)),
            at: FrameTime(
                ptsTicks: Int64(index), durationTicks: 1, timeBase: Rational(1, framesPerSecond)))
    }
    try writer.finish()
}

/// Expects a gray picture to be frame n of a test clip.
func expectShown(
    _ picture: RGBImage, frame index: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let shown = Int(picture[picture.height / 2, picture.width / 2].green)
    let wanted = Int(level(index))
    #expect(abs(shown - wanted) <= 4, sourceLocation: sourceLocation)
}

/// Keeps what a job gives it.
final class CollectingSink: FrameSink {
    private(set) var frames: [AnnotatedFrame] = []

    func consume(_ frame: AnnotatedFrame) throws { frames.append(frame) }
    func finish() throws {}
    func finishPartial() throws -> [String] { [] }
    func abandon() {}
    var temporaryPaths: [String] { [] }
}

/// Small models of seeded weights, the goldens'. Most have patches of 4 pixels.
enum TinyModels {
    static func source(_ name: String, shortSide: Int, heads: [Int]? = nil) throws -> AttentionMaps {
        let probed = try probed(name, shortSide: shortSide)
        return try AttentionMaps(probed, engine: try Engine(model: probed.model), heads: heads)
    }

    static func probed(_ name: String, shortSide: Int) throws -> ProbedModel {
        let model = try Golden(name).model
        return ProbedModel(
            model, name: name, resolution: .shortSide(shortSide),
            classification: Classifier(ownOf: model).map {
                Classification(
                    classifier: $0, labels: ClassLabels(names: ["cat, puss", "big_dog"]), shownCount: 2)
            })
    }
}

extension AnnotationJob {
    func runQuietly() throws -> Outcome { try run { _, _ in } }
}
