import Methods
import Pixels
import Probing
import Rendering
import ViT
import VideoIO

/// What is computed for each frame.
package struct Analysis: Sendable {
    /// Each runs once on every frame, however many panels show it.
    package var sources: [any MapSource]
    /// Share of each fused map's mass that its mask keeps; nil for no masks.
    package var maskMass: Double?
    /// The grid on which recorded heatmaps are read back as maps; nil where they are only shown.
    package var recordingGrid: InputLayout?

    package init(
        sources: [any MapSource], maskMass: Double? = nil, recordingGrid: InputLayout? = nil
    ) {
        self.sources = sources
        self.maskMass = maskMass
        self.recordingGrid = recordingGrid
    }
}

/// A frame with all that was found out about it.
package struct AnnotatedFrame: Sendable {
    package let frame: VideoFrame
    /// In the order of the analysis's sources.
    package let maps: [FrameMaps]
    /// 1 where a patch is within the mass threshold, for each source; empty where no masks were asked for.
    package let masks: [Plane]
    /// In the order of the job's recordings.
    package let recorded: [RecordedFrame]
}

/// The numbers found in a frame, all that exports and statistics are made of.
package struct FrameNumbers: Sendable {
    /// Of the frame in the source.
    package let index: Int
    /// When the source shows it.
    package let timeSeconds: Double
    /// In the order of the analysis's sources.
    package let maps: [FrameMaps]
    /// Of the recordings that are read back as maps.
    package let recordedMaps: [Plane]
}

extension AnnotatedFrame {
    var numbers: FrameNumbers {
        FrameNumbers(
            index: frame.index, timeSeconds: frame.time.seconds, maps: maps,
            recordedMaps: recorded.compactMap(\.map))
    }
}

/// What the sources found in a frame.
struct FrameFindings: Sendable {
    let maps: [FrameMaps]
    let masks: [Plane]
}

/// What a worker hands on: without findings where those of the frame before hold.
struct AnalyzedFrame: Sendable {
    let frame: VideoFrame
    let findings: FrameFindings?
    let recorded: [RecordedFrame]
}

/// Puts the findings of repeated frames back in, for whoever takes the frames in order.
struct RepeatedFindings {
    private var last = FrameFindings(maps: [], masks: [])

    mutating func complete(_ analyzed: AnalyzedFrame) -> AnnotatedFrame {
        if let findings = analyzed.findings { last = findings }
        return AnnotatedFrame(
            frame: analyzed.frame, maps: last.maps, masks: last.masks, recorded: analyzed.recorded)
    }
}

/// What a recording shows at the time of a frame.
package struct RecordedFrame: Sendable {
    package let picture: RGBImage
    /// The heat read back from the colours, 0…1, where the analysis has a grid for it.
    package let map: Plane?
}

/// One worker's share of the analysis: a whole frame at a time through every source, on the worker's thread.
final class FrameAnalyzer {
    private let analysis: Analysis
    private let extractors: [(RGBImage) throws -> FrameMaps]
    private let inverse: ColorMapInverse?

    init(_ analysis: Analysis, inverse: ColorMapInverse?, threads: Int) throws {
        self.analysis = analysis
        self.inverse = inverse
        extractors = try analysis.sources.map { try $0.makeExtractor(threads: threads) }
    }

    func analyze(_ input: FrameInStep) throws -> AnalyzedFrame {
        AnalyzedFrame(
            frame: input.frame,
            findings: input.repeatsPrevious ? nil : try findings(in: input.frame.image),
            recorded: input.recorded.map { picture in
                RecordedFrame(picture: picture, map: map(of: picture, besides: input.frame.image))
            })
    }

    private func findings(in image: RGBImage) throws -> FrameFindings {
        let maps = try extractors.map { try $0(image) }
        let masks = analysis.maskMass.map { mass in
            maps.map { MassThreshold.mask(of: $0.fused, mass: mass) }
        }
        return FrameFindings(maps: maps, masks: masks ?? [])
    }

    private func map(of picture: RGBImage, besides frame: RGBImage) -> Plane? {
        guard let inverse, let grid = analysis.recordingGrid else { return nil }
        return RecordedMap.resample(
            inverse.heat(of: picture), to: grid, frameHeight: frame.height, frameWidth: frame.width)
    }
}
