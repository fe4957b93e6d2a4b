import Methods
import Pixels
import Rendering
import ViT

/// Makes the mask of each frame from the maps of one source, at the frame's size, once for all the forms it is wanted
/// in.
package final class MaskSink: NumberSink {
    private let method: Method
    private let mass: Double
    private let upsampler: MaskUpsampler
    private let outputs: [any MaskOutput]

    /// - Parameters:
    ///   - source: the only one of the analysis.
    ///   - mass: share of each map's mass that its mask keeps.
    /// - Throws: `VitvideoError` of kind `usage` for frames without a whole patch.
    package init(
        source: any MapSource, mass: Double, frameHeight: Int, frameWidth: Int, outputs: [any MaskOutput]
    ) throws {
        method = source.method
        self.mass = mass
        self.outputs = outputs
        let layout = try source.layout(height: frameHeight, width: frameWidth)
        upsampler = MaskUpsampler(
            rows: layout.rows, columns: layout.columns, height: frameHeight, width: frameWidth,
            placement: layout.placement)
    }

    package func consume(_ frame: FrameNumbers) throws {
        let mask = upsampler(IndexMask(above: method.mask(of: frame.maps[0], mass: mass)))
        for output in outputs {
            try output.add(mask, frame: frame.index, timeSeconds: frame.timeSeconds)
        }
    }

    package func finish() throws { for output in outputs { try output.finish() } }
    package func finishPartial() throws -> [String] { try outputs.compactMap { try $0.finishPartial() } }
    package func abandon() { for output in outputs { output.abandon() } }
    package var temporaryPaths: [String] { outputs.flatMap(\.temporaryPaths) }
}
