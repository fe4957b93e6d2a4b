import Base
import Graph
import Pixels
import ViT

/// A picture as a section is given it that shows a transformer of any build. A look is a pass of its own.
package struct ProbedGraphPicture {
    package let model: ProbedGraph
    package let image: RGBImage
    package let settings: ReportSettings
    /// The likeliest classes, likeliest first; empty without a classifier.
    package let ranked: [ClassLabels.Ranked]
    private let threads: Int
    private let availableBytes: () -> Int

    /// - Parameters:
    ///   - threads: that share the picture.
    ///   - availableBytes: memory that a look may take.
    package init(
        _ image: RGBImage, of model: ProbedGraph, _ settings: ReportSettings, ranked: [ClassLabels.Ranked],
        threads: Int, availableBytes: @escaping () -> Int
    ) {
        (self.model, self.image, self.settings, self.ranked) = (model, image, settings, ranked)
        (self.threads, self.availableBytes) = (threads, availableBytes)
    }

    /// The layer that the settings name, from 0.
    ///
    /// - Throws: `VitvideoError` of kind `usage` for one that the model does not have.
    var layer: Int {
        get throws {
            let request = GraphRequest(model: model, frameHeight: image.height, frameWidth: image.width)
            return try request.layer(settings.layer, of: try request.instance())
        }
    }

    /// Looks at the picture by a method.
    ///
    /// - Throws: `VitvideoError` where the method does not look at the model, or does not fit into memory.
    func look(
        by method: Method, _ options: MethodSettings = MethodSettings()
    ) throws -> (source: any MapSource, maps: FrameMaps) {
        let source = try method.makeSource(
            GraphRequest(
                model: model, settings: options, frameHeight: image.height, frameWidth: image.width,
                threads: threads))
        var available: Int? = availableBytes()
        try source.prepare(
            height: image.height, width: image.width, workers: 1, availableBytes: &available)
        return (source, try source.makeExtractor(threads: threads)(image))
    }
}
