/// What the user can do about an error. Libraries name the step; how the command line calls it is the command
/// line's own business (`NextStep.words` there).
package enum NextStep: Sendable, Hashable {
    /// A step that needs no option: "create it first".
    case advice(String)

    // Outputs
    /// Replace the output that exists.
    case overwrite
    /// Make the target of a link to nothing.
    case overwriteLink
    /// Choose another video codec, or a container that takes nearly every codec.
    case otherCodec
    /// Run without keeping segments; where `writesMP4First` write an MP4 and convert that.
    case leaveOutResume(writesMP4First: Bool)

    /// Run as a whole what cannot be shared out.
    case withoutShares
    /// Let runs of one job compute with different instruction sets, libraries and precisions.
    case allowMixedCPUs

    // Inputs
    /// Keep the frames there are of damaged media.
    case leaveOutStrict
    /// Allow the network, or download the file first.
    case allowNetwork

    // Models
    /// Raise the resolution of the model's input.
    case raiseResolution
    /// Say what the weights themselves do not.
    case tellModel([ModelFact])
    /// Compute with the library and the precision that work everywhere.
    case useReferenceBackend
    /// Compute in one of these precisions.
    case usePrecision([String])
    /// Download a known model's weights, or import a file from `source`.
    case pullModel(String, source: String)
    /// Download a model of the Hugging Face hub.
    case pullRepository(String)
    /// Name one of the files of a repository of the hub.
    case nameHubFile(String)
    /// Accept a repository's terms at an address, and say who asks.
    case acceptTerms(String, hasToken: Bool)
    /// Say who asks the hub.
    case nameHubToken
    /// Import the weights under a name that is free and fit.
    case chooseImportName
    /// Import the weights as the known model of that name, or under another name.
    case importAsKnown(String)
    /// Get the weights elsewhere and import them.
    case importModel(String)
    /// Remove a damaged file of the model cache and download it again.
    case pullAgain
    /// Choose a directory for the model cache.
    case chooseCache
    /// Name a file with the class names; `download` says where there is one.
    case nameLabels(download: String?)

    /// Name a text tower's tokenizer; `download` says where there is one.
    case nameTokenizer(download: String?)
    /// Say what a model's classes are called.
    case nameClasses

    /// Feed the model smaller frames, at the resolution that is within bounds, or allow them.
    case shrinkFrames(resolution: Int?)

    // Methods
    /// Name a neuron.
    case nameNeuron
    /// Name a patch to compare with.
    case namePatch
    /// Use another method, by its name.
    case otherMethod(String)
    /// Leave settings out, or instead of them one other.
    case leaveOut([MethodSetting], or: MethodSetting? = nil)
    /// Let less flow: through so many of the last layers, or at that resolution.
    case shortenFlow(blocks: Int?, resolution: Int?)
    /// What would make the work fit into memory.
    case fitMemory(resolution: Int?, workers: Int?, withoutDiscarding: Bool)
}

/// A setting of a probing method that a next step can be about.
package enum MethodSetting: Sendable, Hashable {
    case headFusion, discardRatio, blocks, queryFrame, queryImage
    /// The imitation of another project's code, by its name.
    case compat(String)
}
