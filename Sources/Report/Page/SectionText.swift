extension ReportSection {
    /// What a reader has to know to read the section, in plain words.
    func explanation(_ options: ReportOptions) -> String {
        let layer = options.layer == -1 ? "the last layer" : "layer \(options.layer)"
        switch self {
        case .prediction:
            return "What the classifier takes each picture for; probabilities are softmax over all classes."
        case .heads:
            return
                "What the class token attends to in \(layer), one map a head, over the picture as the model "
                + "was given it: resized, cropped to whole patches, its normalisation undone. "
                + Self.scale
        case .layers:
            return "What the class token attends to in every layer, mean over heads. " + Self.scale
        case .rollout:
            return
                "How much of each patch reaches the class token through all layers (Abnar & Zuidema 2020): "
                + "the product of the layers' attention with the residual path in. Heads are fused by mean, max "
                + "or min; the discard ratio is the share of each fused matrix, the smallest entries, that is set "
                + "to 0 first (vit-explain). "
                + Self.scale
        case .gradientRollout:
            return "Rollout of attention times the gradient of one class's logit, negatives set to 0 "
                + "(vit-explain), for the likeliest classes: where the evidence for each is. "
                + Self.scale
        case .distance:
            return
                "How far a patch looks, on average over the pictures: the mean over patches of the distance "
                + "in pixels to the other patches, weighted by attention and not renormalised for what goes to "
                + "the class token. Low heads look around the patch, high ones across the picture."
        case .queriesKeys:
            return "Single channels of the queries and keys of head \(options.head) in \(layer), through the "
                + "sigmoid, one value a patch. Attention is high where bright queries meet bright keys. "
                + Self.scale
        case .filters:
            return "What the patch embedding projects pixels on: its first 128 filters, each scaled from its "
                + "smallest value to its largest."
        case .positions:
            return "Dot products of the learned position embeddings with one another: bright where the model "
                + "holds two places to be alike. Below, single rows of the matrix as pictures, each from its own "
                + "minimum to its maximum."
        }
    }

    private static let scale = "Each map is coloured from its own minimum to its maximum."
}
