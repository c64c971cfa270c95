"""Similarity of two images: PSNR, SSIM, MS-SSIM, SAM, ERGAS, GMSD, VIF and FSIM."""
