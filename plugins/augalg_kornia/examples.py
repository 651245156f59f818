"""Augmentations at fixed parameters, for comparing them with each other."""

EXAMPLES = tuple(
    f"kornia.{text}"
    for text in (
        # moves of pixels
        "RandomHorizontalFlip",
        "RandomVerticalFlip",
        "RandomRotation90(times=(1, 1))",
        "RandomRotation90(times=(2, 2))",
        "RandomRotation(degrees=(30, 30))",
        "RandomAffine(degrees=(0, 0), scale=(0.8, 0.8))",
        "RandomAffine(degrees=(0, 0), shear=(15, 15))",
        "CenterCrop(size=24)",
        "PadTo(size=(40, 40))",
        "Resize(size=(64, 64))",
        # maps of values
        "RandomInvert",
        "RandomSolarize(thresholds=(0.5, 0.5), additions=(0, 0))",
        "RandomPosterize(bits=(3, 3))",
        "RandomEqualize",
        "RandomGamma(gamma=(2, 2))",
        "RandomBrightness(brightness=(1.2, 1.2))",
        "RandomContrast(contrast=(0.8, 0.8))",
        "RandomGrayscale",
        # neighbourhoods
        "RandomBoxBlur",
        "RandomGaussianBlur(kernel_size=(5, 5), sigma=(1, 1))",
        "RandomMedianBlur",
        "RandomSharpness(sharpness=(0.5, 0.5))",
    )
)
