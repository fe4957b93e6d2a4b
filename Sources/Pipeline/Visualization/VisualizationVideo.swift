import Pixels
import Probing
import VideoIO

/// The optimization as a video: the picture every so many steps and at the end, of one unit after the other.
package final class VisualizationVideo: VisualizationOutput {
    /// Frames a second.
    package static let rate: Int32 = 25

    private let writer: VideoWriter
    private let interval: Int
    private let steps: Int
    private let height: Int
    private let width: Int
    private var frames: Int64 = 0
    /// The last picture that is no frame yet.
    private var pending: [Float]?

    /// - Parameters:
    ///   - interval: steps from one frame to the next.
    ///   - steps: of each unit.
    /// - Throws: as `VideoWriter.create`.
    package init(
        path: String, interval: Int, steps: Int, height: Int, width: Int, options: WriterOptions
    ) throws {
        self.interval = interval
        self.steps = steps
        (self.height, self.width) = (height, width)
        var options = options
        options.frameRate = Rational(Self.rate, 1)
        options.timeBase = Rational(1, Self.rate)
        writer = try VideoWriter.create(path, height: height, width: width, options: options)
    }

    package var temporaryPaths: [String] { writer.temporaryPaths }

    package func add(_ step: VisualizationStep, picture: [Float], unit: Int) throws {
        if step.index % interval == 0 || step.index == steps - 1 {
            try write(picture)
        } else {
            pending = picture
        }
    }

    package func finish() throws { try writer.finish() }

    package func finishPartial() throws -> String? {
        if let pending { try write(pending) }
        return try writer.finishPartial()
    }

    package func abandon() { writer.abandon() }

    private func write(_ picture: [Float]) throws {
        pending = nil
        try writer.write(
            RGBImage(planes: picture, height: height, width: width),
            at: FrameTime(ptsTicks: frames, durationTicks: 1, timeBase: Rational(1, Self.rate)))
        frames += 1
    }
}
