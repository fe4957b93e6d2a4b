import Base
import Pixels
import Probing
import Rendering

/// A way of looking into a model: all that the program knows of it outside its algorithm.
///
/// The command line's help and validation, the export's documentation, the identity of a resumable job, the report
/// and README's table of methods are made of these values. A new method is a file with one of them and a
/// `MapSource`, and a line of `MethodRegistry.standard`; see CONTRIBUTING.md.
package struct Method: Sendable {
    /// What is shown where a picture holds room for one map of a frame.
    package enum Maps: Sendable {
        /// One map stands for the whole.
        case one
        /// Three maps are the red, green and blue of one picture.
        case color
        /// Several maps of equal rank, of which none stands for the whole.
        case several
    }

    /// What a mask of a frame is made of.
    package enum MaskRule: Sendable {
        /// The patches that hold most of the fused map's mass.
        case mass
        /// The fused map is a mask itself, above 0 inside.
        case map
    }

    /// A view of another method that shows one of this method's maps by itself.
    package struct SingleMap: Sendable {
        package let method: String
        package let option: AnyMethodOption
        /// What that shows: "one block".
        package let shown: String
    }

    /// The name on the command line, in exports and in the report: "gradient-rollout".
    package let name: String
    /// The method in words, for titles: "gradient rollout".
    package let title: String
    /// What it computes, as a sentence of the help without its full stop: "of one block, per head".
    package let summary: String
    /// The options that belong to it.
    package let options: [MethodOptionUse]
    /// What an export holds of it.
    package let arrays: [ArrayDescription]
    package let maps: Maps
    /// How the maps become masks.
    package let masks: MaskRule
    /// How maps become heat where nothing is said.
    package let standardScale: HeatScale
    /// Where one of several maps can be seen alone.
    package let singleMap: SingleMap?
    /// Finds options that exclude each other, before anything is loaded.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package let validate: @Sendable (MethodSettings) throws -> Void
    /// Looks at a model by this method.
    ///
    /// - Throws: `VitvideoError` for options that the model does not have.
    package let makeSource: @Sendable (MethodRequest) throws -> any MapSource
    /// The same of a transformer of any build; nil for a method that is about plain Vision Transformers.
    private let makeGraphSource: (@Sendable (GraphRequest) throws -> any MapSource)?
    /// Its section of the report; nil where it has none.
    package let section: MethodSection?
    /// Whether its frames can take over from one another what has hardly changed: its source is a `ReusingMapSource`.
    package let reusesFrames: Bool

    package init(
        name: String, title: String? = nil, summary: String, options: [MethodOptionUse] = [],
        arrays: [ArrayDescription], maps: Maps = .one, masks: MaskRule = .mass,
        singleMap: SingleMap? = nil,
        section: MethodSection? = nil, standardScale: HeatScale = .frame, reusesFrames: Bool = false,
        ofGraph makeGraphSource: (@Sendable (GraphRequest) throws -> any MapSource)? = nil,
        validate: @escaping @Sendable (MethodSettings) throws -> Void = { _ in },
        makeSource: @escaping @Sendable (MethodRequest) throws -> any MapSource
    ) {
        self.name = name
        self.title = title ?? name
        self.summary = summary
        self.options = options
        self.arrays = arrays
        self.maps = maps
        self.masks = masks
        self.singleMap = singleMap
        self.standardScale = standardScale
        self.reusesFrames = reusesFrames
        self.section = section
        self.validate = validate
        self.makeSource = makeSource
        self.makeGraphSource = makeGraphSource
    }

    /// Whether it also looks at transformers of any build.
    package var looksAtGraphs: Bool { makeGraphSource != nil }

    /// Looks at a transformer of any build by this method.
    ///
    /// - Throws: `VitvideoError` of kind `usage` for a method that does not, and for options that the model does not have.
    package func makeSource(_ request: GraphRequest) throws -> any MapSource {
        guard let makeGraphSource else {
            throw VitvideoError(
                .usage,
                reason:
                    "--method \(name) looks at plain Vision Transformers, and \(request.model.name) is another "
                    + "(\(request.model.model.title))", nextStep: .otherMethod("attention"))
        }
        return try makeGraphSource(request)
    }

    /// How an option belongs to the method; nil where it does not.
    package func use(of option: some MethodOptionKey) -> MethodOptionUse? {
        options.first { $0.option.name == option.name }
    }
}

// MARK: Masks

extension Method {
    /// The mask of a frame, `rows × columns`: above 0 inside.
    ///
    /// - Parameter mass: share of the map's mass to keep where the mask is made of that, 0…1.
    package func mask(of maps: FrameMaps, mass: Double) -> Plane {
        switch masks {
        case .mass: MassThreshold.mask(of: maps.fused, mass: mass)
        case .map: maps.fused
        }
    }
}

// MARK: Views

extension Method {
    /// Why a view does not show what a method gives.
    package enum ViewMismatch: Sendable, Equatable {
        /// The view shows one map, and the method gives several.
        case severalMaps
        /// The view ranks patches by their heat, and colors have no order.
        case colors
    }

    /// - Returns: nil where the view shows the method's maps.
    package func mismatch(with view: View) -> ViewMismatch? {
        switch (maps, view) {
        case (_, .heads): nil
        case (.several, _): .severalMaps
        case (.color, .mask): .colors
        default: nil
        }
    }

    package var appearance: MapAppearance {
        switch maps {
        case .color: .color
        case .one, .several: .heat
        }
    }

    /// Whether one map of a frame stands for the whole.
    package var givesOneMap: Bool {
        switch maps {
        case .one, .color: true
        case .several: false
        }
    }

    /// What is shown of a model beside others where nothing is asked for.
    package var comparisonView: View { givesOneMap ? .heatmap : .heads }
}
