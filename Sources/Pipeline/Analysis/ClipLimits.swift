import Methods
import Pixels
import Rendering

extension MapLimits {
    /// The limits of a source's maps over some of a clip's frames.
    ///
    /// - Parameters:
    ///   - scale: one of the clip's.
    ///   - threads: that share a frame.
    ///   - forEachFrame: calls its argument with the frames, one after the other.
    /// - Throws: what the source and `forEachFrame` throw.
    package static func measured(
        of source: any MapSource, for scale: HeatScale, threads: Int,
        forEachFrame: ((RGBImage) throws -> Void) throws -> Void
    ) throws -> MapLimits {
        let extract = try source.makeExtractor(threads: threads)
        var limits = MapLimits(scale)
        try forEachFrame { image in
            let maps = try extract(image)
            limits.add(parts: maps.parts, fused: maps.fused)
        }
        return limits
    }
}
