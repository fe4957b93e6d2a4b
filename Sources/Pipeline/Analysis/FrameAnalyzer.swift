import Base
import Methods
import Pixels
import Probing
import Rendering
import ViT

/// What is computed for each frame.
package struct Analysis: Sendable {
    /// Each runs once on every frame, however many panels show it.
    package var sources: [any MapSource]
    /// Share of each fused map's mass that its mask keeps; nil for no masks.
    package var maskMass: Double?
    /// The grid on which recorded heatmaps are read back as maps; nil where they are only shown.
    package var recordingGrid: InputLayout?
    /// The error in levels of 255 up to which frames take over from one another what has hardly changed; nil where each is
    /// computed by itself.
    package var reuseLevels: Double?

    package init(
        sources: [any MapSource], maskMass: Double? = nil, recordingGrid: InputLayout? = nil
    ) {
        self.sources = sources
        self.maskMass = maskMass
        self.recordingGrid = recordingGrid
    }

    /// The sources whose frames take over from one another.
    package var reusingSources: [any ReusingMapSource] {
        reuseLevels == nil ? [] : sources.compactMap { $0 as? any ReusingMapSource }
    }
}

/// One worker's share of the analysis: a whole frame at a time through every source, on the worker's thread.
final class FrameAnalyzer {
    private let analysis: Analysis
    private let extractors: [(FrameInStep) throws -> (maps: FrameMaps, reuse: FrameReuse?)]
    private let inverse: ColorMapInverse?
    private let keptMaps: (() throws -> [FrameMaps])?

    /// - Parameter keptMaps: gives the maps of each frame in turn; nil to compute them.
    init(
        _ analysis: Analysis, inverse: ColorMapInverse?, threads: Int,
        keptMaps: (() throws -> [FrameMaps])? = nil
    ) throws {
        self.analysis = analysis
        self.inverse = inverse
        self.keptMaps = keptMaps
        extractors =
            try keptMaps == nil
            ? analysis.sources.map { try analysis.extractor(of: $0, threads: threads) } : []
    }

    /// - Returns: the frame, without maps and masks where it repeats the one before.
    func analyze(_ input: FrameInStep) throws -> AnnotatedFrame {
        let kept = try keptMaps?()
        let found = input.repeatsPrevious || kept != nil ? [] : try maps(of: input)
        let maps = input.repeatsPrevious ? [] : kept ?? found.map(\.maps)
        let masks = analysis.maskMass.map { mass in
            zip(analysis.sources, maps).map { $0.method.mask(of: $1, mass: mass) }
        }
        return AnnotatedFrame(
            input, maps: maps, masks: masks ?? [], reuse: found.map(\.reuse),
            recorded: input.recorded.map { picture in
                RecordedFrame(picture: picture, map: map(of: picture, besides: input.frame.image))
            })
    }

    /// One worker's maps of a frame; an error that is the frame's says which.
    private func maps(of input: FrameInStep) throws -> [(maps: FrameMaps, reuse: FrameReuse?)] {
        try zip(analysis.sources, extractors).map { source, extract in
            do {
                let found = try extract(input)
                for map in [found.maps.fused] + found.maps.parts where !map.values.allSatisfy(\.isFinite) {
                    throw VitvideoError.notFinite(in: "the map")
                }
                return found
            } catch let error as VitvideoError where error.kind == .badData && error.path == nil {
                throw VitvideoError(
                    error.kind, reason: "\(source.name), frame \(input.frame.index): \(error.reason)",
                    nextStep: error.nextStep)
            }
        }
    }

    private func map(of picture: RGBImage, besides frame: RGBImage) -> Plane? {
        guard let inverse, let grid = analysis.recordingGrid else { return nil }
        return RecordedMap.resample(
            inverse.heat(of: picture), to: grid, frameHeight: frame.height, frameWidth: frame.width)
    }
}

extension Analysis {
    /// One worker's function from a frame to its maps of a source.
    fileprivate func extractor(of source: any MapSource, threads: Int) throws
        -> (FrameInStep) throws -> (maps: FrameMaps, reuse: FrameReuse?)
    {
        if let reuseLevels, let source = source as? any ReusingMapSource {
            let extractor = try ReusingExtractor(source, levels: reuseLevels, threads: threads)
            return { try extractor.maps(of: $0) }
        }
        let extract = try source.makeExtractor(threads: threads)
        return { (try extract($0.frame.image), nil) }
    }
}
