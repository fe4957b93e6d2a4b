import Archives
import Methods
import NumPy
import VideoIO

/// Writes the raw, unscaled maps of each frame to an archive, of the format that its name tells:
///
/// - the maps, float32 or float16, as the method's `arrays` describe them: `attention` [frames, heads, rows, columns] and
///   so on
/// - `frame` int64 [frames], indices in the source
/// - `time` float64 [frames], seconds in the source
/// - `logits` [frames, classes], of the maps' type, where the model classifies
/// - `class` int64 [frames], the class that each frame's map is for, where there is one
/// - `meta` JSON text
///
/// With several models, those that differ between them carry the model's name:
/// `attention.dino_vitb16`, `meta.dino_vitb16`, `attention.dinov2_vits14`, …
package final class ExportSink: NumberSink {
    private let archive: any ArrayArchive
    /// By source, each with what it holds.
    private let maps: [[(rows: GrowingArray, array: MapArray)]]
    /// By source; nil for sources that do not classify.
    private let logits: [GrowingArray?]
    /// By source; nil for those whose maps are for no class.
    private let targetClasses: [GrowingArray?]
    private let frames: GrowingArray
    private let times: GrowingArray
    /// How each source's maps come about.
    private let provenance: [(name: String, value: Provenance)]
    private let reuse: ReuseFindings?

    /// - Parameters:
    ///   - archive: to fill, new: a whole one, or a group of one.
    ///   - number: of maps and logits, float32 or float16.
    ///   - reuse: what frames took over from one another, for `meta`; nil where each was computed by itself.
    ///   - onOverflow: called once for each array that holds what float16 does not.
    /// - Precondition: there is a source.
    /// - Throws: `VitvideoError` where the arrays cannot be begun; the archive is given up then.
    package init(
        _ archive: any ArrayArchive, sources: [any MapSource], sourceHeight: Int, sourceWidth: Int,
        version: String, number: ArchiveNumber = .float32, reuse: ReuseFindings? = nil,
        onOverflow: @escaping (ArrayOverflow) -> Void = { _ in }
    ) throws {
        precondition(!sources.isEmpty, "an export has maps to hold")
        self.archive = archive
        self.reuse = reuse
        func begin(
            _ name: String, _ element: ElementType, _ axes: [String], _ rowShape: [Int], _ names: ExportNames
        ) throws -> GrowingArray {
            try archive.array(
                ArchivedArray(
                    names.array(name), element, dimensions: names.dimensions(axes), rowShape: rowShape),
                onOverflow: onOverflow)
        }
        do {
            let names = sources.map {
                ExportNames(method: $0.method, model: sources.count == 1 ? nil : $0.name)
            }
            maps = try zip(sources, names).map { source, names in
                let layout = try source.layout(height: sourceHeight, width: sourceWidth)
                return try source.arrays.map { array in
                    let shape = array.shape(on: layout)
                    return (
                        try begin(
                            array.name, number.element, source.axes(of: array, rank: shape.count), shape,
                            names),
                        array
                    )
                }
            }
            logits = try zip(sources, names).map { source, names in
                guard source.classes > 0 else { return nil }
                return try begin("logits", number.element, ["class_index"], [source.classes], names)
            }
            targetClasses = try zip(sources, names).map { source, names in
                guard source.followsClass else { return nil }
                return try begin("class", .int64, [], [], names)
            }
            frames = try archive.array(
                ArchivedArray("frame", .int64, dimensions: ["frame"], isCoordinate: true))
            times = try archive.array(
                ArchivedArray("time", .float64, dimensions: ["frame"], unit: "s", isCoordinate: true))
            provenance = try zip(sources, names).map { source, names in
                let value = try source.provenance(
                    sourceHeight: sourceHeight, sourceWidth: sourceWidth, version: version)
                return (names.array("meta"), value)
            }
            // What is found out on the way is known at the end only.
            if reuse == nil {
                for (name, value) in provenance { try archive.add(name, text: try value.json()) }
            }
        } catch {
            archive.abandon()
            throw error
        }
    }

    package func consume(_ frame: FrameNumbers) throws {
        for (arrays, maps) in zip(maps, frame.maps) {
            for (rows, array) in arrays { try rows.append(array.values(of: maps)) }
        }
        for (array, maps) in zip(logits, frame.maps) {
            if let array, let prediction = maps.prediction { try array.append(prediction.logits) }
        }
        for (array, maps) in zip(targetClasses, frame.maps) {
            if let array, let target = maps.targetClass { try array.append([Int64(target.index)]) }
        }
        try frames.append([Int64(frame.index)])
        try times.append([frame.timeSeconds])
    }

    package func finish() throws {
        try addFindings()
        try archive.finish(as: nil)
    }

    package func finishPartial() throws -> [String] {
        try addFindings()
        return [try archive.finishPartial()]
    }

    /// - Throws: what the archive throws; it is given up then.
    private func addFindings() throws {
        guard let reuse else { return }
        do {
            let tallies = reuse.tallies()
            for (index, (name, value)) in provenance.enumerated() {
                var value = value
                if index < tallies.count { value.add(tallies[index], levels: reuse.levels) }
                try archive.add(name, text: try value.json())
            }
        } catch {
            archive.abandon()
            throw error
        }
    }

    package func abandon() { archive.abandon() }

    package var temporaryPaths: [String] { [archive.temporaryPath] }
}

extension ArrayArchive {
    /// Completes what there is.
    ///
    /// - Returns: the name it has.
    func finishPartial() throws -> String {
        let name = OutputFormat.partialName(of: path)
        try finish(as: name)
        return name
    }
}

extension MapSource {
    /// The axes of an array's rows, as the method describes it.
    ///
    /// - Parameter rank: how many they are.
    fileprivate func axes(of array: MapArray, rank: Int) -> [String] {
        let described = method.arrays.first { $0.name == array.name }?.axes ?? []
        return described.count == rank ? described : (0..<rank).map { "axis_\($0)" }
    }
}
